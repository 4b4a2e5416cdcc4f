/**
 * The policy load: from resources in memory to all memberships, which are the endpoints that each policy selects and the addresses that
 * each rule's selector holds, and one pod event after another in that world. Reading the API objects is not in it. Each section runs in a
 * process of its own, because it is measured cold and with its peak of memory: `npx tsx bench/policy-load.bench.ts many` runs one alone.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { type Resource, resourceKey } from '../src/api/resource.ts';
import { Engine, type EngineChanges } from '../src/engine/engine.ts';
import { Inventory } from '../src/inventory/inventory.ts';
import { collectGarbage, load, print, quantile, smoke } from './figure.ts';
import { type Labels, eachLabel } from '../src/selector/matcher.ts';
import { parseSelector } from '../src/selector/selector.ts';
import { LabelIndexLoad } from './label-index-load.ts';
import { PODS_PER_NAMESPACE, addressOf, allMatching, manyNamespaces, namespace, pod, podOf } from './policy-world.ts';

const SECTIONS: ReadonlyMap<string, () => void> = new Map([
  ['many', manyNamespacesSection],
  ['all-matching', allMatchingSection],
  ['heap', heapSection],
]);

const section = SECTIONS.get(process.argv[2] ?? '');
if (section !== undefined) section();
else
  for (const name of SECTIONS.keys()) {
    const words = [...process.execArgv, process.argv[1] ?? '', name, ...process.argv.slice(2)];
    const { status } = spawnSync(process.execPath, words, { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }

/** All memberships from resources in memory; collecting our own garbage is in it, collecting the reader's is not. */
function loaded(resources: readonly Resource[]): {
  readonly engine: Engine;
  readonly seconds: number;
  readonly cpu: number;
} {
  collectGarbage();
  const cpu = process.cpuUsage();
  const started = performance.now();
  const engine = new Engine(new Inventory('Calico'));
  engine.followRules();
  for (const resource of resources) engine.inventory.apply({ kind: 'put', resource });
  engine.flush();
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { engine, seconds, cpu: (user + system) / 1e6 };
}

function manyNamespacesSection(): void {
  const namespaces = smoke ? 500 : 25_000;
  const resources = [...manyNamespaces(namespaces)];
  const { engine, seconds, cpu } = loaded(resources);
  const peak = process.resourceUsage().maxRSS / 1024;
  const sizes = {
    namespaces,
    pods: engine.endpoints.size,
    policies: engine.policies.size,
    ...memberships(engine),
    ...load(),
  };
  print({
    bench: 'policy-load/memberships',
    unit: 's',
    value: seconds,
    budget: 3,
    cpu_s: Number(cpu.toFixed(2)),
    ...sizes,
  });
  print({ bench: 'policy-load/peak-rss', unit: 'MB', value: peak, budget: 1_000, ...sizes });
  podEvents(engine, namespaces);
}

function allMatchingSection(): void {
  const pods = smoke ? 500 : 10_000;
  const { engine, seconds, cpu } = loaded([...allMatching(pods, pods)]);
  const sizes = { pods, policies: engine.policies.size, ...memberships(engine), ...load() };
  print({
    bench: 'policy-load/all-matching',
    unit: 's',
    value: seconds,
    budget: 1,
    cpu_s: Number(cpu.toFixed(2)),
    ...sizes,
  });
}

/** What 100,000 pods cost that are kept by nobody but the engine, with the selectors of the label-index load and without pods. */
function heapSection(): void {
  const pods = smoke ? 1_000 : 100_000;
  const selectors = smoke ? 100 : 10_000;
  const index = new LabelIndexLoad({ endpoints: pods, selectors, outside: false });
  const engine = new Engine(new Inventory('Calico'));
  for (let j = 0; j < selectors; j++) {
    const { value } = parseSelector(index.set(j).selector);
    if (value !== undefined) engine.register(value);
  }
  for (let x = 0; x < index.namespaces; x++)
    engine.inventory.apply({ kind: 'put', resource: namespace(`ns${x}`, { env: `e${x % 4}`, team: `t${x % 20}` }) });
  engine.flush();
  const before = heapBytes();
  const resources = Array.from({ length: pods }, (_, i) =>
    pod({
      namespace: `ns${i % index.namespaces}`,
      name: `p${i}`,
      node: `node-${i % 1_000}`,
      address: addressOf(0, i),
      labels: ownLabels(index.endpoint(i, 0).labels),
    }),
  );
  const read = heapBytes();
  for (const resource of resources) engine.inventory.apply({ kind: 'put', resource });
  engine.flush();
  const perPod = (heapBytes() - before) / pods;
  const sizes = { pods: engine.endpoints.size, selectors, labels: 4.5 };
  const perResource = (read - before) / pods;
  print({ bench: 'policy-load/heap-per-pod', unit: 'KB', value: perPod / 1024, budget: 1, ...sizes });
  print({ bench: 'policy-load/heap-per-pod/resource', unit: 'KB', value: perResource / 1024, ...sizes });
}

/** Typed arrays are outside V8's heap and count all the same; those that are let go are freed by the time of the next collection. */
function heapBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Every membership is there to be read: they are counted by reading them. */
function memberships(engine: Engine): { readonly selected: number; readonly members: number } {
  let selected = 0;
  let members = 0;
  const sizes = new Map<string, number>();
  const size = (id: string, read: (id: string) => { readonly length: number }): number => {
    const known = sizes.get(id) ?? read(id).length;
    sizes.set(id, known);
    return known;
  };
  for (const { appliesTo, ingress = [], egress = [] } of engine.policies.values()) {
    selected += size(appliesTo.id, (id) => [...engine.endpointsOf(id)]);
    for (const { source, destination } of [...ingress, ...egress])
      for (const { selector } of [source, destination])
        if (selector !== undefined) members += size(`members ${selector.id}`, () => engine.membersOf(selector.id));
  }
  return { selected, members };
}

/** Relabels, deletes, adds and readdresses one pod at a time, until the exact changes of members are known. */
function podEvents(engine: Engine, namespaces: number): void {
  const events = smoke ? 200 : 10_000;
  const random = (n: number): number => (Math.imul(n, 2654435761) >>> 0) % (namespaces * PODS_PER_NAMESPACE);
  const place = (n: number): readonly [number, number] => [
    Math.floor(random(n) / PODS_PER_NAMESPACE),
    random(n) % PODS_PER_NAMESPACE,
  ];
  const taken = new Map<string, number[]>();
  const measure = (what: string, resource: Resource, change: 'put' | 'delete'): EngineChanges => {
    const started = performance.now();
    engine.inventory.apply(
      change === 'put' ? { kind: 'put', resource } : { kind: 'delete', key: resourceKey(resource) },
    );
    const changes = engine.flush();
    const times = taken.get(what) ?? [];
    times.push(performance.now() - started);
    taken.set(what, times);
    return changes;
  };
  let differences = 0;
  const count = ({ members }: EngineChanges): void => {
    if (members.kind === 'differ') differences += members.added.length + members.removed.length;
  };
  for (let n = 0; n < events; n++) {
    const [i, k] = place(n);
    count(measure('relabel', podOf(i, k, 1 + (n % 2)), 'put'));
    const [j, l] = place(n + events);
    const other = podOf(j, l);
    count(measure('delete', other, 'delete'));
    count(measure('add', other, 'put'));
    const [x, y] = place(n + 2 * events);
    count(measure('readdress', podOf(x, y, 0, addressOf(namespaces + n, 0)), 'put'));
  }
  for (const [what, times] of taken)
    for (const [name, q] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      const budget = name === 'p99' ? { budget: 1 } : {};
      print({
        bench: `policy-load/${what}/${name}`,
        unit: 'ms',
        value: quantile(times, q),
        ...budget,
        events,
        differences,
      });
    }
}

/** Without the labels that Calico sets itself. */
function ownLabels(labels: Labels): Readonly<Record<string, string>> {
  const own: Record<string, string> = {};
  eachLabel(labels, (value, key) => {
    if (!key.startsWith('projectcalico.org/')) own[key] = value;
  });
  return own;
}
