/**
 * A program: loads a world of pods and prints what the heap grew by, and what `memoryParts` estimates of it. A process of its own, with
 * `--expose-gc`: in one that is shared, what others leave behind goes meanwhile.
 */
import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import { readResource } from '../../src/api/read.ts';
import { type Resource, resourceKey } from '../../src/api/resource.ts';
import { LiveWorld } from '../../src/controller/world/live-world.ts';
import { memoryParts } from '../../src/controller/memory.ts';
import { Told } from '../../src/sources/kubernetes/told.ts';
import { readText } from '../../src/sources/manifests/reading.ts';

/** In bytes. */
export interface HeapGrowth {
  readonly world: number;
  readonly source: number;
  readonly estimated: ReturnType<typeof memoryParts>;
  /** Addresses that the firewall of the world has. */
  readonly members: number | undefined;
  readonly pods: number;
}

const PODS = 10_000;
const SOURCES = 10;
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

/** Bytes in use once everything that is not held is gone: what is held weakly goes after a turn. */
async function used(): Promise<number> {
  for (let n = 0; n < 3; n++) {
    await turn();
    globalThis.gc?.();
  }
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

const frame = [...readText(FRAME, 'frame.yaml').resources.values()];
// Code and caches come with the first use.
load(new LiveWorld('warm'), [...frame, ...pods(2_000)]);
const before = await used();
const resources = pods(PODS);
const world = new LiveWorld('test');
load(world, [...frame, ...resources]);
const loaded = await used();
// As many as make what comes and goes by itself, some megabytes, small beside it.
const told = Array.from({ length: SOURCES }, () => {
  const one = new Told('Pod', { put: () => undefined, delete: () => undefined }, (a, b) => a === b);
  for (const [n, resource] of resources.entries())
    one.name({
      namespace: resource.namespace,
      name: resource.name,
      uid: resource.uid ?? '',
      version: String(10_000_000 + n),
      read: () => ({ resource, key: resourceKey(resource), diagnostics: [] }),
    });
  return one;
});
const growth: HeapGrowth = {
  world: loaded - before,
  source: ((await used()) - loaded) / SOURCES,
  estimated: memoryParts({ size: told[0]?.size ?? 0 }, world, []),
  members: world.firewalls.get('edge')?.ruleset?.members.size,
  pods: PODS,
};
process.stdout.write(JSON.stringify(growth));
