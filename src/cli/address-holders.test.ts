import { expect, test } from 'vitest';
import { LiveWorld } from '../controller/world/live-world.ts';
import { parseAddress } from '../ip/address.ts';
import { readText } from '../sources/manifests/reading.ts';
import { holdersOf } from './address-holders.ts';

const WORLD = `
{apiVersion: v1, kind: Node, metadata: {name: a}, status: {addresses: [{type: InternalIP, address: 172.18.0.1}, {type: ExternalIP, address: 192.0.2.250}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: b}, status: {addresses: [{type: InternalIP, address: 172.18.0.2}]}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: own}, spec: {cidr: 10.1.0.0/16}}
---
{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: masked}, spec: {cidr: 10.2.0.0/16, natOutgoing: true}}
---
{apiVersion: v1, kind: Pod, metadata: {name: plain, namespace: shop}, spec: {nodeName: a}, status: {phase: Running, podIP: 10.1.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: masked, namespace: shop}, spec: {nodeName: a}, status: {phase: Running, podIP: 10.2.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: elsewhere, namespace: shop}, spec: {nodeName: b}, status: {phase: Running, podIP: 10.2.0.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: shop}, spec: {nodeName: a, hostNetwork: true}, status: {phase: Running, podIP: 172.18.0.1}}
---
{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge}, spec: {driver: nftables, address: local, workloads: {}}}
---
{apiVersion: sallyport.dev/v1alpha1, kind: SourceNAT, metadata: {name: bank}, spec: {selector: all(), namespaceSelector: all(), destination: {}, translate: {address: 192.0.2.1}}}
`;

function holders(text: string, world: string = WORLD): readonly string[] {
  const live = new LiveWorld('lab');
  const { resources, diagnostics } = readText(world, 'world.yaml');
  expect(diagnostics).toEqual([]);
  const changes = resources.map((resource) => ({ kind: 'put', resource }) as const);
  live.apply({ changes, state: { kind: 'complete' }, diagnostics: [] });
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return holdersOf(live, address, (source) => live.owners.get(source)).map(
    ({ kind, name, detail }) => `${kind} ${name}: ${detail}`,
  );
}

test('a pod with an address of its own', () => {
  expect(holders('10.1.0.1')).toEqual(['pod shop/plain: on node a']);
});

test("a node's address is everybody's who leaves with it", () => {
  expect(holders('172.18.0.1')).toEqual([
    'leaves as shop/masked: natOutgoing on node a',
    'node a: InternalIP',
    'pod shop/agent: in the network of node a',
  ]);
});

test('the address of a node is the one that a border firewall sees', () => {
  const external = WORLD.replace('workloads: {}', 'workloads: {}, nodeAddress: ExternalIP');
  expect(holders('192.0.2.250', external)).toContain('leaves as shop/masked: natOutgoing on node a');
  expect(holders('172.18.0.1', external)).not.toContain('leaves as shop/masked: natOutgoing on node a');
});

test('behind a translation stand the workloads, not only their addresses', () => {
  expect(holders('192.0.2.1')).toContain('translated pod:shop/plain: from 10.1.0.1 by SourceNAT/bank at edge');
});

test('nobody', () => {
  expect(holders('203.0.113.1')).toEqual([]);
});
