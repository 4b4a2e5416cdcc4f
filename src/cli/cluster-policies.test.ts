import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command } from '../../test/kit/commands.ts';
import { loadWorld } from '../engine/index.ts';

const calico = 'projectcalico.org/v3';
/** What a border would not believe: an address by annotation alone or outside the pools, one that two pods have, a workload without its pod. */
const objects = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } },
  { apiVersion: calico, kind: 'IPPool', metadata: { name: 'p' }, spec: { cidr: '10.0.0.0/16' } },
  pod('early', { annotations: { 'cni.projectcalico.org/podIP': '10.0.0.1/32' } }),
  pod('outside', {}, ['10.9.0.1']),
  pod('one', {}, ['10.0.0.2']),
  pod('other', {}, ['10.0.0.2']),
  {
    apiVersion: calico,
    kind: 'WorkloadEndpoint',
    metadata: { name: 'n1-openstack-vm-eth0', namespace: 'a', labels: { app: 'vm' } },
    spec: {
      node: 'n1',
      orchestrator: 'openstack',
      workload: 'vm',
      endpoint: 'eth0',
      interfaceName: 'tap1',
      ipNetworks: ['10.0.0.3/32'],
      profiles: ['kns.a'],
    },
  },
  {
    apiVersion: calico,
    kind: 'GlobalNetworkPolicy',
    metadata: { name: 'g' },
    spec: {
      selector: 'all()',
      types: ['Egress'],
      egress: [{ action: 'Allow', destination: { selector: "app in {'outside', 'vm', 'other'}" } }],
    },
  },
];

function pod(name: string, metadata: object, ips: readonly string[] = []): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'a', labels: { app: name }, ...metadata },
    spec: { nodeName: 'n1', containers: [] },
    status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) },
  };
}

let file: string;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-policies-'));
  file = join(folder, 'world.yaml');
  writeFileSync(file, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function json(...words: readonly string[]): Promise<unknown> {
  const { out } = await command(...words, '-f', file, '-o', 'json');
  return JSON.parse(out);
}

const world = loadWorld(objects);

test('the cluster is what it is to its own policies, whatever a border may believe of it', async () => {
  const ids = ['pod:a/early', 'pod:a/one', 'pod:a/other', 'pod:a/outside', 'wep:a/n1-openstack-vm-eth0'];
  expect(world.endpoints().map(({ id }) => id)).toEqual(ids);
  expect(await json('eval', 'all()')).toMatchObject({ endpoints: ids.map((id) => ({ id })) });
  expect(await json('endpoint', 'a/')).toMatchObject({
    endpoints: world.endpoints().map(({ id, tiers }) => ({ id, tiers })),
  });
  expect(await json('host', 'n1')).toMatchObject({ endpoints: ids.map((id) => ({ id })) });
  expect(await json('policy', 'g')).toMatchObject({ policies: [{ endpoints: ids.map((id) => ({ id })) }] });
  expect(await json('connections')).toMatchObject({ connections: world.connections() });
});

test.each([
  ['10.0.0.1', '10.9.0.1'],
  ['10.9.0.1', '10.0.0.1'],
  ['10.0.0.2', '10.0.0.3'],
  ['10.0.0.3', '10.0.0.2'],
])('a flow in the cluster from %s to %s', async (src, dst) => {
  const cluster = world.verdict({ src, dst, proto: 'TCP', dport: 80 });
  expect(await json('flow', '--from', src, '--to', dst, '--port', '80')).toMatchObject({ families: [{ cluster }] });
});

test('names of what only the cluster believes are names', async () => {
  expect(await json('flow', '--from', 'a/early', '--to', 'wep:a/n1-openstack-vm-eth0', '--port', '80')).toMatchObject({
    outcome: 'allowed',
    families: [{ source: '10.0.0.1', destination: '10.0.0.3' }],
  });
});
