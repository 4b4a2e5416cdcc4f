import { expect, test } from 'vitest';
import { resourceKey } from '../../api/resource.ts';
import { readText } from '../../sources/manifests/reading.ts';
import { LiveWorld } from './live-world.ts';

const pod = (name: string, ip: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop }
spec: { nodeName: node-a }
status: { phase: Running, podIP: ${ip}, podIPs: [{ ip: ${ip} }] }
---`;
const base = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: pods }
spec: { cidr: 10.0.0.0/16 }
---`;

/** The owners after each of several manifests took the place of the one before. */
function owners(...texts: readonly string[]): readonly (readonly [string, string])[] {
  return ownersOf(...texts.map((text) => base + text));
}

function ownersOf(...texts: readonly string[]): readonly (readonly [string, string])[] {
  const world = new LiveWorld('test');
  let before = new Set<string>();
  for (const text of texts) {
    const { resources } = readText(text, 'a.yaml');
    const keys = new Set<string>(resources.map(resourceKey));
    const gone = [...before].filter((key) => !keys.has(key));
    before = keys;
    world.apply({
      changes: [
        ...gone.map((key) => ({ kind: 'delete', key }) as const),
        ...resources.map((resource) => ({ kind: 'put', resource }) as const),
      ],
      state: { kind: 'complete' },
      diagnostics: [],
    });
  }
  return [...world.owners.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

test('each address has its owner', () => {
  expect(owners(pod('a', '10.0.0.1') + pod('b', '10.0.0.2'))).toEqual([
    ['10.0.0.1', 'pod:shop/a'],
    ['10.0.0.2', 'pod:shop/b'],
  ]);
});

test('an address that changes hands, is shared for a moment, and is given up', () => {
  const shared = pod('a', '10.0.0.1') + pod('b', '10.0.0.1');
  expect(owners(shared)).toEqual([['10.0.0.1', 'pod:shop/a pod:shop/b']]);
  expect(owners(pod('a', '10.0.0.1'), shared, pod('b', '10.0.0.1'))).toEqual([['10.0.0.1', 'pod:shop/b']]);
  expect(owners(pod('a', '10.0.0.1'), pod('a', '10.0.0.9'))).toEqual([['10.0.0.9', 'pod:shop/a']]);
  expect(owners(shared, pod('c', '10.0.0.3'))).toEqual([['10.0.0.3', 'pod:shop/c']]);
});

test('what is seen with the address of a node is the node’s while it is there', () => {
  const node = (ip: string): string => `
apiVersion: v1
kind: Node
metadata: { name: node-a }
status: { addresses: [{ type: InternalIP, address: ${ip} }] }
---`;
  expect(owners(node('172.18.0.1'))).toEqual([['172.18.0.1', 'node node-a']]);
  expect(owners(node('172.18.0.1'), node('172.18.0.2'))).toEqual([['172.18.0.2', 'node node-a']]);
  expect(owners(node('172.18.0.1'), pod('a', '10.0.0.1'))).toEqual([['10.0.0.1', 'pod:shop/a']]);
});

test('a pool that goes gives no address up; the pod that ends does', () => {
  const other = base.replace('10.0.0.0/16', '10.9.0.0/16');
  const ended = pod('a', '10.0.0.1').replace('Running', 'Succeeded');
  expect(ownersOf(base + pod('a', '10.0.0.1'), other + pod('a', '10.0.0.1'))).toEqual([['10.0.0.1', 'pod:shop/a']]);
  expect(ownersOf(base + pod('a', '10.0.0.1'), other + pod('a', '10.0.0.1'), other + ended)).toEqual([]);
  expect(ownersOf(base + pod('a', '10.0.0.1'), other)).toEqual([]);
});

test('whatever road led there: a pod that never was an endpoint owns what the kubelet shows of it', () => {
  const outside = pod('a', '172.30.0.1');
  const host = outside.replace('nodeName: node-a', 'nodeName: node-a, hostNetwork: true');
  expect(owners(outside)).toEqual([['172.30.0.1', 'pod:shop/a']]);
  expect(owners('', outside)).toEqual([['172.30.0.1', 'pod:shop/a']]);
  expect(owners(host, outside)).toEqual([['172.30.0.1', 'pod:shop/a']]);
  expect(owners(outside, outside.replace('Running', 'Succeeded'))).toEqual([]);
  expect(owners(outside, '')).toEqual([]);
  const both = pod('a', '10.0.0.1').replace('[{ ip: 10.0.0.1 }]', '[{ ip: 10.0.0.1 }, { ip: "fd02::1" }]');
  const [four, six] = [
    ['10.0.0.1', 'pod:shop/a'],
    ['fd02::1', 'pod:shop/a'],
  ];
  expect(owners(pod('a', '10.0.0.1'), both)).toEqual([four, six]);
  expect(owners(both, pod('a', '10.0.0.1'))).toEqual([four]);
});
