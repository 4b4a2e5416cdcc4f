import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CALICO, CALICO_STORAGE, OUR_GROUP, kinds } from '../../src/api/kinds.ts';
import { BORDER_FINALIZER } from '../../src/api/own.ts';
import { BORDER_GATE } from '../../src/api/pod.ts';
import { readResource } from '../../src/api/read.ts';
import { systemClock } from '../../src/base/clock.ts';
import { toSallyportError } from '../../src/base/error.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { ClusterApprovals } from '../../src/controller/approvals/cluster-approvals.ts';
import { Gate } from '../../src/controller/readiness/gate.ts';
import { statusObject } from '../../src/controller/status/picture.ts';
import type { ApiClient } from '../../src/kubernetes/api-client.ts';
import { clusterNameOf } from '../../src/kubernetes/discovery.ts';
import { setFinalizer } from '../../src/kubernetes/finalizer.ts';
import { EventRecorder } from '../../src/kubernetes/events.ts';
import { connectKubeconfig } from '../../src/kubernetes/kubeconfig.ts';
import { LeaseStore } from '../../src/kubernetes/leases/lease-store.ts';
import { leasePlace } from '../../src/kubernetes/leases/lease.ts';
import { ReviewedAccess } from '../../src/kubernetes/reviewed-access.ts';
import { type Feature, type Right, policyRules, rights } from '../../src/kubernetes/rights.ts';
import { readSecret } from '../../src/kubernetes/secret.ts';
import { StatusWriter } from '../../src/kubernetes/status-writer.ts';
import { KubernetesSource } from '../../src/sources/kubernetes/kubernetes-source.ts';
import { type ApiServer, startApiServer } from '../kit/apiserver.ts';
import { FakeClock } from '../kit/fake-clock.ts';
import type { ApiObject } from '../kit/raw-api.ts';
import { define } from './definitions.ts';
import { defineForeign } from './foreign-kinds.ts';

/** One verb of one row of the table. */
interface Row {
  readonly right: Right;
  readonly verb: string;
}

/** A service account that lacks one right. */
interface Somebody {
  readonly client: ApiClient;
  /** For names of what it makes. */
  readonly name: string;
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const OURS = `/apis/${OUR_GROUP}/v1alpha1`;
const LONGEST_MS = 150_000;
const AT_ONCE = 8;
const never = new AbortController().signal;
let server: ApiServer;
let number = 0;

beforeAll(async () => {
  // Servers that stream no first state are asked for lists: both verbs are used.
  server = await startApiServer({ flags: ['--feature-gates=WatchList=false'] });
  await define(server.admin);
  await defineForeign(server.admin, 'policy.networking.k8s.io');
  await defineForeign(server.admin, CALICO_STORAGE);
  for (const name of ['sallyport', 'shop'])
    await server.admin.json('POST', '/api/v1/namespaces', { metadata: { name } });
  await server.admin.json('POST', '/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'default' } });
});
afterAll(async () => {
  await server.stop();
});

/** Runs something as a service account that has every right but one. */
async function without<T>(missing: Row | undefined, use: (somebody: Somebody) => Promise<T>): Promise<T> {
  number += 1;
  const name = `row-${number}`;
  const { admin } = server;
  const left = rights.flatMap((right) => {
    const verbs = right.verbs.filter((verb) => right !== missing?.right || verb !== missing.verb);
    return verbs.length === 0 ? [] : [{ ...right, verbs }];
  });
  await admin.json('POST', '/api/v1/namespaces/sallyport/serviceaccounts', { metadata: { name } });
  const subjects = [{ kind: 'ServiceAccount', name, namespace: 'sallyport' }];
  for (const [scope, kind, within] of [
    ['Cluster', 'ClusterRole', RBAC],
    ['OwnNamespace', 'Role', `${RBAC}/namespaces/sallyport`],
  ] as const) {
    const rules = policyRules(left.filter((right) => right.scope === scope));
    await admin.json('POST', `${within}/${kind.toLowerCase()}s`, { metadata: { name }, rules });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name };
    await admin.json('POST', `${within}/${kind.toLowerCase()}bindings`, { metadata: { name }, roleRef, subjects });
  }
  const path = server.kubeconfigFor({ token: await server.tokenFor('sallyport', name) });
  const { client } = await connectKubeconfig({ path, environment: {}, log: silentLog });
  // A new binding counts a moment after it was made.
  await until(() => mayDoMost(client));
  try {
    return await use({ client, name });
  } finally {
    await client.close();
  }
}

/** Two rights of two roles: of one that lacks one, the other is there. */
async function mayDoMost(client: ApiClient): Promise<boolean> {
  const review = async (resourceAttributes: object): Promise<boolean> => {
    const body = { spec: { resourceAttributes } };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const answer = (await client.call({ method: 'POST', path, body }, never)) as { status: { allowed: boolean } };
    return answer.status.allowed;
  };
  const eitherOf = async (...asked: readonly object[]): Promise<boolean> =>
    (await Promise.all(asked.map(review))).includes(true);
  const leases = { namespace: 'sallyport', group: 'coordination.k8s.io', resource: 'leases' };
  return (
    (await eitherOf({ ...leases, verb: 'get' }, { ...leases, verb: 'list' })) &&
    (await eitherOf({ resource: 'pods', verb: 'list' }, { resource: 'nodes', verb: 'list' }))
  );
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + LONGEST_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it did not come: ${String(holds)}`);
    await setTimeout(25);
  }
}

/** A log that keeps what was told of refused requests. */
function listening(): { readonly log: Log; readonly told: string[] } {
  const told: string[] = [];
  const keep = (fields: object): void => {
    if ('error' in fields) told.push(String(fields.error));
  };
  return { told, log: { debug() {}, info() {}, warn: keep, error: keep } };
}

/** Those that came to nothing. */
async function refusals(...requests: readonly (() => Promise<unknown>)[]): Promise<readonly string[]> {
  const told: string[] = [];
  for (const request of requests)
    try {
      await request();
    } catch (thrown) {
      told.push(toSallyportError(thrown).message);
    }
  return told;
}

// ---- What uses the rights, each as the controller does; what people are told of what it may not do ----

/** Follows the cluster, until something is refused; if nothing is to be, until long after all of it is watched. */
async function watch({ client, name }: Somebody, lacks: boolean): Promise<readonly string[]> {
  const stop = new AbortController();
  const { log, told } = listening();
  let isWhole = false;
  let isGone = false;
  const missing = new Set<string>();
  const source = new KubernetesSource({ name: 'cluster', api: client, clock: systemClock, log });
  const run = source.run(({ state, diagnostics, changes }) => {
    for (const { code, message } of diagnostics) if (code === 'CLUSTER_KIND_FORBIDDEN') missing.add(message);
    isWhole = state.kind === 'complete';
    isGone ||= changes.some((change) => change.kind === 'delete' && change.key.endsWith(name));
  }, stop.signal);
  const cluster = await refusals(() => clusterNameOf(client, never));
  const all = (): readonly string[] => [...missing, ...cluster, ...told];
  await until(() => isWhole || all().length > 0);
  if (all().length === 0) {
    // Whether an object went with its definition is asked only where one goes.
    await make('AddressGroup', name, everything);
    await server.admin.json('DELETE', `${OURS}/addressgroups/${name}`);
    await until(() => (lacks ? all().length > 0 : isGone));
    if (!lacks) await setTimeout(3_000);
  }
  stop.abort();
  await run;
  return all();
}

async function status({ client, name }: Somebody): Promise<readonly string[]> {
  const { log, told } = listening();
  let written = 0;
  let isRefused = false;
  const writer = new StatusWriter({
    client,
    clock: systemClock,
    log,
    measure: (result) => (result === 'written' ? (written += 1) : (isRefused ||= result.startsWith('API_'))),
  });
  const made = [];
  for (const [kind, spec] of Object.entries(specs)) made.push(await make(kind, name, spec));
  for (const object of made)
    writer.wish({
      object: statusObject({
        type: object.kind,
        name,
        namespace: object.metadata.namespace ?? '',
        uid: object.metadata.uid,
      }),
      portion: { kind: 'whole' },
      compose: () => ({ observedGeneration: 1 }),
      mayWrite: () => true,
    });
  await until(() => isRefused || written === made.length);
  await writer.stop();
  const approval = await make('BorderApproval', name, { firewall: name, digest: '0123456789abcdef'.repeat(4) });
  const { resource } = readResource(approval, {});
  if (resource === undefined) throw new Error('a fixture is wrong');
  const approvals = new ClusterApprovals({ client, clock: systemClock, log });
  approvals.taken([{ kind: 'put', resource }]);
  await approvals.take(name, { digest: '0123456789abcdef'.repeat(4) });
  return told;
}

async function leaving({ client, name }: Somebody): Promise<readonly string[]> {
  const { metadata } = await make('BorderFirewall', `${name}-held`, specs['BorderFirewall'] ?? {});
  const collection = { group: OUR_GROUP, version: 'v1alpha1', plural: 'borderfirewalls' };
  const which = { name: metadata.name, uid: metadata.uid ?? '' };
  return refusals(() => setFinalizer(client, collection, which, BORDER_FINALIZER, true, never));
}

async function events({ client, name }: Somebody): Promise<readonly string[]> {
  const { log, told } = listening();
  const clock = new FakeClock();
  const recorder = new EventRecorder({ client, clock, log, instance: name });
  const object = statusObject({ type: 'BorderFirewall', name, namespace: '', uid: name });
  const event = { object, type: 'Normal', reason: 'Confirmed', action: 'Apply', note: 'it is there' } as const;
  for (const _ of ['made', 'counted']) {
    recorder.record(event);
    clock.advance(61_000);
    await recorder.settled();
    // What was not made cannot be counted.
    if (told.length > 0) break;
  }
  return told;
}

async function leases({ client, name }: Somebody): Promise<readonly string[]> {
  const content = { holder: name, epoch: 1, acquired: 0, renewed: 0 };
  const { client: admin } = await connectKubeconfig({ path: server.kubeconfig, environment: {}, log: silentLog });
  const place = leasePlace('firewall', 'prod', `${name}-there`);
  const there = await new LeaseStore(admin, 'sallyport', 'prod').create(place, content, never);
  await admin.close();
  const store = new LeaseStore(client, 'sallyport', 'prod');
  let latest = there;
  return refusals(
    () => store.create(leasePlace('firewall', 'prod', name), content, never),
    () => store.list(never),
    () => store.get(there.name, never),
    async () => (latest = await store.replace(place, content, there, never)),
    () => store.remove(latest, never),
  );
}

async function queries({ client, name }: Somebody): Promise<readonly string[]> {
  const { log, told } = listening();
  const reader = await server.tokenFor('sallyport', name);
  const access = await new ReviewedAccess(client, systemClock, log).ofReader(`Bearer ${reader}`, '/metrics');
  return access === 'forbidden' ? [] : told;
}

/** Reads the Secret of a firewall, as its driver does. */
async function credentials({ client, name }: Somebody): Promise<readonly string[]> {
  const path = '/api/v1/namespaces/sallyport/secrets';
  await server.admin.json('POST', path, { metadata: { name }, stringData: { token: 'abc' } });
  let read: ReadonlyMap<string, string> | undefined;
  const told = await refusals(async () => (read = await readSecret(client, { namespace: 'sallyport', name }, never)));
  if (told.length === 0) expect(read).toEqual(new Map([['token', 'abc']]));
  return told;
}

/** Says of a pod that the border knows it. */
async function readiness({ client, name }: Somebody): Promise<readonly string[]> {
  const path = '/api/v1/namespaces/shop/pods';
  const spec = { containers: [{ name: 'c', image: 'c' }], readinessGates: [{ conditionType: BORDER_GATE }] };
  const made = await server.admin.json('POST', path, { metadata: { name }, spec });
  const { resource } = readResource(made, {});
  if (resource?.type !== 'Pod') throw new Error('a fixture is wrong');
  const { log, told } = listening();
  const gate = new Gate({
    api: client,
    standing: () => Promise.resolve({ ready: true, message: 'confirmed', firewalls: [] }),
    addressesOf: () => ['10.1.0.1'],
    mayWrite: () => true,
    clock: systemClock,
    log,
  });
  gate.taken([{ kind: 'put', resource }]);
  const isSaid = async (): Promise<boolean> => {
    const { status } = await server.admin.json<{
      status: { conditions?: readonly { type: string; status: string }[] };
    }>('GET', `${path}/${name}`);
    return status.conditions?.some((one) => one.type === BORDER_GATE && one.status === 'True') === true;
  };
  await until(async () => told.length > 0 || (await isSaid()));
  await gate.stop();
  return told;
}

const everything = { selector: 'all()', namespaceSelector: 'all()' };
const specs: Readonly<Record<string, object>> = {
  BorderFirewall: { driver: 'nftables', address: 'local', workloads: {} },
  ClusterBorderPolicy: everything,
  BorderPolicy: { selector: 'all()' },
  AddressGroup: everything,
  SourceNAT: { ...everything, destination: {}, translate: { none: true } },
};

function make(kind: string, name: string, spec: object): Promise<ApiObject> {
  const found = kinds.find((one) => one.ours && one.kind === kind);
  const within = found?.scope === 'Namespaced' ? '/namespaces/shop' : '';
  const body = { apiVersion: `${OUR_GROUP}/v1alpha1`, kind, metadata: { name }, spec };
  return server.admin.json('POST', `${OURS}${within}/${found?.plural}`, body);
}

type Use = (somebody: Somebody, lacks: boolean) => Promise<readonly string[]>;
const uses: Readonly<Record<Feature, Use>> = {
  watch,
  status,
  leaving,
  events,
  leases,
  credentials,
  queries,
  readiness,
};

/** What an API server says where a right is missing. */
function refusalOf({ right, verb }: Row): string {
  const { group, resource, subresource } = right;
  const part = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `cannot ${verb} resource "${part}" in API group "${group}"`;
}

/** What people are told where each right is missing in turn, by the right; nothing else may fail. */
async function toldWithout(rows: readonly Row[]): Promise<Readonly<Record<string, readonly string[]>>> {
  const told: Record<string, readonly string[]> = {};
  const left = [...rows];
  const work = async (): Promise<void> => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) {
      const missing = row;
      const use = uses[missing.right.feature];
      const said = await without(missing, (somebody) => use(somebody, true)).catch((thrown: unknown) => [
        String(thrown),
      ]);
      const short = said.map((one) => /cannot \w+ resource "[^"]*" in API group "[^"]*"/.exec(one)?.[0] ?? one);
      told[refusalOf(missing)] = [...new Set(short)];
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return told;
}

const rows: readonly Row[] = rights.flatMap((right) => right.verbs.map((verb) => ({ right, verb })));
const ofGroup = (group: string): readonly Row[] => rows.filter(({ right }) => right.group === group);

/** What has to be told where a right is missing. */
function missed(row: Row): RegExp {
  const { group, resource, subresource } = row.right;
  // Whoever waits for a firewall reads this in its status, where what an API server says would be too long.
  if (row.right.feature === 'credentials')
    return /^Secret sallyport\/row-\d+ may not be read: the right to get secrets is missing/;
  // Pods are asked for in protobuf, and so is the server's reason given, which we do not read.
  const isPods = group === '' && resource === 'pods' && subresource === undefined;
  return isPods ? /^the right to list and watch pods is missing/ : new RegExp(`^${refusalOf(row)}$`);
}

async function expectEachNeeded(tried: readonly Row[]): Promise<void> {
  expect(tried.length).toBeGreaterThan(0);
  const told = await toldWithout(tried);
  const wanted = tried.map((row) => [refusalOf(row), [expect.stringMatching(missed(row)) as string]]);
  expect(told).toEqual(Object.fromEntries(wanted));
}

async function expectEnough(): Promise<void> {
  for (const [feature, use] of Object.entries(uses))
    expect(await without(undefined, (somebody) => use(somebody, false)), feature).toEqual([]);
}

describe('on a cluster where Calico has no API server', () => {
  test('all rights together are enough', expectEnough);

  test('each right to its storage is needed, and missed by name', () => expectEachNeeded(ofGroup(CALICO_STORAGE)));

  test.each(Object.keys(uses))('each other right of %s is needed, and missed by name', async (feature) => {
    const tried = rows.filter(({ right }) => right.feature === feature);
    await expectEachNeeded(tried.filter(({ right }) => ![CALICO, CALICO_STORAGE].includes(right.group)));
  });
});

describe('on a cluster where it has one', () => {
  beforeAll(() => defineForeign(server.admin, CALICO));

  test('all rights together are enough', expectEnough);

  test('each right to it is needed, and missed by name', () => expectEachNeeded(ofGroup(CALICO)));
});
