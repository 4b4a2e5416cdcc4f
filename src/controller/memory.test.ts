import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { readResource } from '../api/read.ts';
import { type Resource, resourceKey } from '../api/resource.ts';
import { Told } from '../sources/kubernetes/told.ts';
import { readText } from '../sources/manifests/reading.ts';
import { LiveWorld } from './live-world.ts';
import { memoryParts } from './memory.ts';
import { Metrics } from './metrics.ts';

const PODS = 20_000;
const FRAME = `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge}, spec: {driver: nftables, address: local, workloads: {}}}
---
{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: pods}, spec: {cidr: 10.0.0.0/8}}
---
{apiVersion: sallyport.dev/v1alpha1, kind: ClusterBorderPolicy, metadata: {name: web}, spec: {selector: app == 'app-1', namespaceSelector: all(), egress: [{action: Allow, nets: [203.0.113.0/24]}]}}
---
{apiVersion: sallyport.dev/v1alpha1, kind: ClusterBorderPolicy, metadata: {name: rest}, spec: {selector: all(), namespaceSelector: all(), egress: [{action: Allow, nets: [198.51.100.0/24]}]}}
---
{apiVersion: sallyport.dev/v1alpha1, kind: AddressGroup, metadata: {name: all}, spec: {selector: all(), namespaceSelector: all()}}
`;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use once everything that is not held is gone. */
function used(): number {
  for (let n = 0; n < 3; n++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function pods(count: number): Resource[] {
  return Array.from({ length: count }, (_, n) => {
    const { resource } = readResource(
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: `app-${n % 100}-${n.toString(36).padStart(5, '0')}`,
          namespace: `ns-${n % 200}`,
          uid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
          labels: { app: `app-${n % 100}`, tier: `tier-${n % 3}`, 'pod-template-hash': `hash-${n % 500}` },
        },
        spec: { nodeName: `node-${n % 300}`, containers: [{ name: 'c' }] },
        status: { phase: 'Running', podIP: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` },
      },
      { file: 'cluster' },
    );
    if (resource === undefined) throw new Error('the pod cannot be read');
    return resource;
  });
}

function load(world: LiveWorld, resources: readonly Resource[]): void {
  const changes = resources.map((resource) => ({ kind: 'put', resource }) as const);
  world.apply({ changes, state: { kind: 'complete' }, diagnostics: [] });
}

test('what is estimated is what the heap grows by, within a factor of two', { timeout: 120_000 }, () => {
  const frame = [...readText(FRAME, 'frame.yaml').resources.values()];
  // Code and caches come with the first use.
  load(new LiveWorld('warm'), [...frame, ...pods(2_000)]);
  const before = used();
  const resources = pods(PODS);
  const world = new LiveWorld('test');
  load(world, [...frame, ...resources]);
  const loaded = used();
  const told = new Told('Pod', { put: () => undefined, delete: () => undefined });
  for (const [n, resource] of resources.entries())
    told.name({
      namespace: resource.namespace,
      name: resource.name,
      uid: resource.uid ?? '',
      version: String(10_000_000 + n),
      read: () => ({ resource, key: resourceKey(resource), diagnostics: [] }),
    });
  const all = used();
  const parts = memoryParts({ size: told.size }, world, []);
  expect(world.firewalls.get('edge')?.ruleset?.members.size).toBe(PODS);
  const { inventory, engine, border, source, firewalls } = parts;
  expect((inventory + engine + border) / (loaded - before)).toBeGreaterThan(0.5);
  expect((inventory + engine + border) / (loaded - before)).toBeLessThan(2);
  expect(source / (all - loaded)).toBeGreaterThan(0.5);
  expect(source / (all - loaded)).toBeLessThan(2);
  // Nothing is confirmed where no worker is.
  expect(firewalls).toBe(0);
});

test('each part is a series, and there are no others', async () => {
  const metrics = new Metrics();
  expect(await metrics.text()).not.toMatch(/^sallyport_memory_bytes\{/m);
  const world = new LiveWorld('test');
  metrics.memory.parts = () => memoryParts({}, world, []);
  const series = (await metrics.text()).match(/^sallyport_memory_bytes\{.*/gm);
  expect(series).toEqual(
    ['source', 'inventory', 'engine', 'border', 'firewalls'].map((part) => `sallyport_memory_bytes{part="${part}"} 0`),
  );
});
