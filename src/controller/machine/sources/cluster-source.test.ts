import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeApiServer, type Given } from '../../../../test/kit/fake-apiserver/server.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { CWNP_DEFINITION } from '../../../../test/kit/metal-stack-crds.ts';
import { silentLog } from '../../../base/log.ts';
import { ClusterSource } from './cluster-source.ts';
import type { MachineKind } from './machine-kinds.ts';
import { RANGES_ANNOTATION } from '../../../machine/kinds/service.ts';
import { readMachineObjects } from '../../../machine/objects.ts';
import { SourceMemory } from './memory.ts';

const CWNP = 'ClusterwideNetworkPolicy';
const DEFINITION = CWNP_DEFINITION as unknown as Given;
const policy = (name: string, namespace = 'firewall'): Given => ({
  apiVersion: 'metal-stack.io/v1',
  kind: CWNP,
  metadata: { name, namespace },
  spec: { egress: [{ to: [{ cidr: '0.0.0.0/0' }], ports: [{ port: 443 }] }] },
});
const service = (name: string): Given => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { type: 'LoadBalancer', ports: [{ port: 443 }] },
});

let clock: FakeClock;
let api: FakeApiServer;
let folder: string;
let kubeconfig: string;
let memory: SourceMemory;
let running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
let ruleChanges: number;
const nowhere = { place: {}, locate: undefined, base: [] };

const serving = async (...definitions: readonly Given[]): Promise<FakeApiServer> => {
  const server = await FakeApiServer.start({ clock });
  for (const definition of definitions) server.put(definition);
  for (const name of ['firewall', 'shop']) server.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return server;
};
const write = (path: string, server: FakeApiServer): void =>
  writeFileSync(
    path,
    JSON.stringify({
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: server.url } }],
      contexts: [{ name: 'c', context: { cluster: 'c' } }],
    }),
  );

beforeEach(async () => {
  clock = new FakeClock();
  api = await serving(DEFINITION);
  folder = mkdtempSync(join(tmpdir(), 'sallyport-cluster-source-'));
  kubeconfig = join(folder, 'shoot.yaml');
  write(kubeconfig, api);
  memory = new SourceMemory(join(folder, 'sources.json'), silentLog);
  ruleChanges = 0;
});
afterEach(async () => {
  await end();
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(kinds: readonly MachineKind[] = [CWNP, 'Service'], namespace = 'firewall'): ClusterSource {
  const source = new ClusterSource({
    name: 'shoot',
    place: { type: 'kubernetes', kubeconfig, namespace },
    kinds,
    clock,
    log: silentLog,
    environment: {},
    random: () => 0.5,
    memory,
    accessFile: join(folder, 'access.json'),
    changed: (isRule) => {
      if (isRule) ruleChanges += 1;
    },
  });
  const stop = new AbortController();
  running = { stop, ended: source.run(stop.signal) };
  return source;
}
async function end(): Promise<void> {
  running?.stop.abort();
  await running?.ended;
  running = undefined;
}
/** The process ends, and another one begins with what it left on disk. */
async function restart(kinds?: readonly MachineKind[]): Promise<ClusterSource> {
  await end();
  await memory.save();
  memory = new SourceMemory(join(folder, 'sources.json'), silentLog);
  await memory.load();
  return start(kinds);
}
const names = (source: ClusterSource, kind: MachineKind = CWNP): readonly string[] | undefined =>
  source
    .ask(kind)
    .objects?.map(({ name }) => name)
    .toSorted();
async function until(done: () => boolean, stepMs = 1_000): Promise<void> {
  await vi.waitFor(
    () => {
      if (done()) return;
      clock.advance(stepMs);
      throw new Error('not yet');
    },
    { timeout: 30_000, interval: 5 },
  );
}
/** Lets minutes pass in which nothing is awaited. */
async function pass(minutes: number, stepMs: number): Promise<void> {
  const end = clock.monotonic() + minutes * 60_000;
  while (clock.monotonic() < end) {
    clock.advance(stepMs);
    await pause(1);
  }
}
const same = (value: unknown, other: unknown): boolean => JSON.stringify(value) === JSON.stringify(other);

test('a cluster that is dead for hours: its last word counts, then what happened meanwhile', async () => {
  for (const name of ['a', 'b']) api.put(policy(name));
  const source = start();
  await until(() => same(names(source), ['a', 'b']));
  await api.refuseConnections();
  await until(() => source.ask(CWNP).problem !== undefined, 10_000);
  await pass(360, 60_000);
  expect(names(source)).toEqual(['a', 'b']);
  expect(source.ask(CWNP)).toMatchObject({ isHeard: false, problem: { code: 'CLUSTER_KIND_LOST' } });
  api.put(policy('c'));
  api.delete(policy('a'));
  await api.acceptConnections();
  await until(() => same(names(source), ['b', 'c']));
  await until(() => source.ask(CWNP).problem === undefined);
});

test('a restart while the cluster is dead goes by what was remembered', async () => {
  api.put(policy('a'));
  let source = start();
  await until(() => same(names(source), ['a']));
  await api.refuseConnections();
  source = await restart();
  expect(names(source)).toEqual(['a']);
  await until(() => source.ask(CWNP).problem !== undefined);
  expect(names(source)).toEqual(['a']);
  api.put(policy('b'));
  await api.acceptConnections();
  await until(() => same(names(source), ['a', 'b']));
});

test('one kind that may not be read holds up no other', async () => {
  api.put(service('web'));
  const forgive = api.faults.always(
    { fault: 'status', status: 403, reason: 'Forbidden' },
    { resource: 'clusterwidenetworkpolicies' },
  );
  const source = start();
  await until(() => same(names(source, 'Service'), ['web']));
  await until(() => source.ask(CWNP).problem?.code === 'CLUSTER_KIND_FORBIDDEN');
  expect(names(source)).toBeUndefined();
  api.put(service('more'));
  await until(() => same(names(source, 'Service'), ['more', 'web']));
  forgive();
  await until(() => same(names(source), []), 10_000);
});

test('where not all namespaces may be read, its own has to do', async () => {
  api.put(policy('own'));
  api.put(policy('other', 'shop'));
  api.faults.always(
    { fault: 'status', status: 403, reason: 'Forbidden' },
    ({ resource, namespace }) => resource === 'clusterwidenetworkpolicies' && namespace === '',
  );
  const source = start();
  await until(() => same(names(source), ['own']));
  await end();
  api.faults.clear();
  const wide = start();
  await until(() => same(names(wide), ['other', 'own']));
});

test('several machines on one cluster: each reads its own namespace', async () => {
  api.put(policy('own', 'shop'));
  api.put(policy('other'));
  const source = start([CWNP], 'shop');
  await until(() => same(names(source), ['own']));
  expect(
    api.requests.map(({ path }) => path).filter((path) => path.endsWith('clusterwidenetworkpolicies')),
  ).not.toContain('/apis/metal-stack.io/v1/clusterwidenetworkpolicies');
});

test('a kind that is not served: nothing where nothing was known, what was known where something was', async () => {
  await api.stop();
  api = await serving();
  write(kubeconfig, api);
  let source = start();
  await until(() => source.ask(CWNP).problem !== undefined);
  expect(names(source)).toBeUndefined();
  api.put(DEFINITION);
  await until(() => same(names(source), []));
  api.put(policy('a'));
  await until(() => same(names(source), ['a']));
  // The definition goes, and its objects with it, an event for each.
  api.delete(DEFINITION);
  await pass(10, 5_000);
  expect([names(source), source.ask(CWNP).problem?.code]).toEqual([['a'], 'CLUSTER_KIND_GONE']);
  source = await restart();
  await until(() => source.ask(CWNP).problem?.code === 'CLUSTER_KIND_GONE');
  expect(names(source)).toEqual(['a']);
});

test('a list that is suddenly empty, or lacks half, is not believed', async () => {
  for (const name of ['a', 'b', 'c', 'd']) api.put(policy(name));
  const source = start();
  await until(() => same(names(source), ['a', 'b', 'c', 'd']));
  await api.restart({ keep: ({ kind }) => kind !== CWNP });
  await until(() => source.ask(CWNP).problem?.code === 'CLUSTER_KIND_SHRUNK', 10_000);
  expect(names(source)).toEqual(['a', 'b', 'c', 'd']);
});

test('what we write into a status changes no rules', async () => {
  api.put(policy('a'));
  const source = start([CWNP]);
  await until(() => same(names(source), ['a']));
  const told = ruleChanges;
  api.put({ ...policy('a'), status: { state: 'deployed' } });
  await until(() => JSON.stringify(source.ask(CWNP).objects).includes('deployed'));
  expect(ruleChanges).toBe(told);
});

test('another kubeconfig is another cluster: it counts once it was heard', async () => {
  api.put(policy('a'));
  const source = start([CWNP]);
  await until(() => same(names(source), ['a']));
  const other = await serving(DEFINITION);
  other.put(policy('b'));
  await other.refuseConnections();
  write(kubeconfig, other);
  await until(() => source.ask(CWNP).problem !== undefined);
  expect(names(source)).toEqual(['a']);
  await other.acceptConnections();
  await until(() => same(names(source), ['b']));
  // One that is no kubeconfig, and none at all, change nothing.
  writeFileSync(kubeconfig, 'nonsense: [');
  clock.advance(5_000);
  rmSync(kubeconfig);
  clock.advance(5_000);
  other.put(policy('c'));
  await until(() => same(names(source), ['b', 'c']));
  await end();
  await other.stop();
});

test('of what annotates a Service the sources that may come are rules, over a restart too; all else is not', async () => {
  const service = (annotations: Readonly<Record<string, string>>): unknown =>
    api.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop', annotations },
      spec: { type: 'LoadBalancer', ports: [{ port: 443 }] },
    });
  const ranges = (source: ClusterSource): unknown =>
    source
      .ask('Service')
      .objects?.map(({ raw }) =>
        readMachineObjects([{ raw, ...nowhere }], []).services[0]?.sourceRanges.map(({ text }) => text),
      );
  service({});
  const source = start(['Service']);
  await until(() => same(ranges(source), [[]]));
  const told = ruleChanges;
  service({ 'example.org/note': 'x' });
  await until(() => source.ask('Service').objects?.some(({ raw }) => JSON.stringify(raw).includes('note')) === true);
  expect(ruleChanges).toBe(told);
  service({ [RANGES_ANNOTATION]: '192.0.2.0/24' });
  await until(() => same(ranges(source), [['192.0.2.0/24']]));
  expect(ruleChanges).toBe(told + 1);
  await api.refuseConnections();
  expect(ranges(await restart(['Service']))).toEqual([['192.0.2.0/24']]);
});
