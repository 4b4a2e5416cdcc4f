import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { helm } from '../../scripts/helm.ts';
import { kinds } from '../../src/api/kinds.ts';
import { BORDER_FINALIZER } from '../../src/api/own.ts';
import { systemClock } from '../../src/base/clock.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { clusterDuties } from '../../src/controller/cluster-duties.ts';
import { Controller } from '../../src/controller/controller.ts';
import { Metrics } from '../../src/controller/metrics.ts';
import { MemoryDevice } from '../../src/firewalls/memory/device.ts';
import { MemoryDriver } from '../../src/firewalls/memory/memory-driver.ts';
import { soleWriter } from '../../src/firewalls/writer-lock.ts';
import { connectKubeconfig } from '../../src/kubernetes/kubeconfig.ts';
import { KubernetesSource } from '../../src/sources/kubernetes/kubernetes-source.ts';
import { type ApiServer, startApiServer } from '../kit/apiserver.ts';
import { define } from './definitions.ts';

// What docs/how-to/kubernetes.md says of uninstalling. The server has no controllers: nobody ends pods of a Deployment that is gone, and nobody empties
// a namespace that is deleted, so here the controller outlives its own rights, which a real one seldom does.

const chart = join(import.meta.dirname, '../../deploy/chart');
const OURS = '/apis/sallyport.dev/v1alpha1';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const FOREIGN = ['a rule of somebody else'];
const devices = new Map(['keep', 'remove'].map((name) => [name, new MemoryDevice(FOREIGN)]));
let server: ApiServer;

const inNamespace = (...words: readonly string[]): string =>
  helm([...words, '--namespace', 'sallyport', '--kubeconfig', server.kubeconfig]);
const install = (): string => inNamespace('install', 'sallyport', chart, '--set', 'cluster=prod');

beforeAll(async () => {
  server = await startApiServer();
  const { admin } = server;
  await define(admin);
  for (const name of ['sallyport', 'shop']) await admin.json('POST', '/api/v1/namespaces', { metadata: { name } });
  await admin.json('POST', '/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'default' } });
  for (const [name, onDelete] of [
    ['keep', 'Keep'],
    ['remove', 'Remove'],
  ])
    await make('borderfirewalls', 'BorderFirewall', `${name}`, {
      driver: 'nftables',
      address: `netns:${name}`,
      workloads: {},
      sees: 'Pod',
      mode: 'Enforce',
      onDelete,
    });
  await make('clusterborderpolicies', 'ClusterBorderPolicy', 'bank', {
    selector: 'all()',
    namespaceSelector: 'all()',
    egress: [{ action: 'Allow', nets: ['203.0.113.0/24'] }],
  });
  await addPod('till-1', '10.1.0.1');
});
afterAll(() => server.stop());

async function make(plural: string, kind: string, name: string, spec: object): Promise<void> {
  await server.admin.json('POST', `${OURS}/${plural}`, {
    apiVersion: 'sallyport.dev/v1alpha1',
    kind,
    metadata: { name },
    spec,
  });
}

async function addPod(name: string, podIP: string): Promise<void> {
  const pods = '/api/v1/namespaces/shop/pods';
  await server.admin.json('POST', pods, {
    metadata: { name },
    spec: { nodeName: 'a', containers: [{ name, image: name }] },
  });
  const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }] };
  await server.admin.json('PATCH', `${pods}/${name}/status`, { status }, 'application/merge-patch+json');
}

interface Running {
  readonly controller: Controller;
  readonly told: readonly string[];
  stop(): Promise<void>;
}
const running = new Set<Running>();
afterEach(async () => {
  for (const one of running) await one.stop();
});

/** A controller as the service account that the chart made. */
async function run(): Promise<Running> {
  const path = server.kubeconfigFor({ token: await server.tokenFor('sallyport', 'sallyport') });
  const { client } = await connectKubeconfig({ path, environment: {}, log: silentLog });
  const told: string[] = [];
  const say = (fields: object, message: string): void => void told.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug() {}, info: say, warn: say, error: say };
  const metrics = new Metrics();
  const stop = new AbortController();
  const controller = new Controller({
    cluster: 'prod',
    source: new KubernetesSource({ name: 'cluster', api: client, clock: systemClock, log }),
    open: ({ name }, grant) => ({
      driver: new MemoryDriver(devices.get(name) ?? new MemoryDevice()),
      lock: grant?.lock ?? soleWriter,
      close: () => Promise.resolve(),
    }),
    clock: systemClock,
    log,
    metrics,
    ...clusterDuties({
      client,
      namespace: 'sallyport',
      cluster: 'prod',
      name: 'a',
      clock: systemClock,
      log,
      metrics,
      readiness: undefined,
      gate: false,
    }),
  });
  const ended = controller.run(stop.signal);
  const one: Running = {
    controller,
    told,
    async stop() {
      running.delete(one);
      stop.abort();
      await ended;
      await client.close();
    },
  };
  running.add(one);
  return one;
}

/** What stands at the border: what is ours, the rules of others, and how often somebody wrote. */
function border(): Readonly<Record<string, string>> {
  return Object.fromEntries([...devices].map(([name, device]) => [name, `${device.writes} writes\n${device.dump()}`]));
}
const holds = (name: string, address: string): boolean => devices.get(name)?.dump().includes(address) ?? false;

async function expectAtBoth(address: string): Promise<void> {
  await expect.poll(() => [...devices.keys()].filter((name) => !holds(name, address))).toEqual([]);
}

/** Both firewalls are held by this copy, which has read back that all is as it should be. */
async function expectBothConfirmed(controller: Controller): Promise<void> {
  const confirmed = (): readonly boolean[] =>
    [...controller.status().values()].map(({ confirmedVersion }) => confirmedVersion !== undefined);
  await expect.poll(confirmed, { timeout: 60_000 }).toEqual([true, true]);
}

/** Longer than whatever would be done would take. */
const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3_000));

async function names(plural: string): Promise<readonly string[]> {
  const { items } = await server.admin.json<{ items: { metadata: { name: string } }[] }>('GET', `${OURS}/${plural}`);
  return items.map(({ metadata }) => metadata.name);
}

test('helm uninstall changes nothing at the border, and a new installation goes on without a write', async () => {
  install();
  const first = await run();
  await expectAtBoth('10.1.0.1');
  await expectBothConfirmed(first.controller);
  const before = border();
  inNamespace('uninstall', 'sallyport');
  await aWhile();
  expect(border()).toEqual(before);
  await first.stop();
  expect(border()).toEqual(before);
  expect(await names('borderfirewalls')).toEqual(['keep', 'remove']);

  install();
  const second = await run();
  await expect.poll(() => second.controller.status().size, { timeout: 60_000 }).toBe(2);
  await aWhile();
  expect(border()).toEqual(before);
  // It follows again.
  await addPod('till-2', '10.1.0.2');
  await expectAtBoth('10.1.0.2');

  const cluster = async (name: string): Promise<unknown> => {
    const path = `${OURS}/borderfirewalls/${name}`;
    return (await server.admin.json<{ status?: { cluster?: string } }>('GET', path)).status?.cluster;
  };
  await expect.poll(() => Promise.all(['keep', 'remove'].map(cluster))).toEqual(['prod', 'prod']);
  for (const [words, name] of [
    [['--set', 'cluster=prod-eu'], '"prod-eu"'],
    // Whoever says one value and not the others loses them: the cluster would call itself something.
    [['--set', 'replicas=1'], '"[0-9a-f]{8}"'],
  ] as const) {
    const upgrade = (): string => inNamespace('upgrade', 'sallyport', chart, ...words);
    expect(upgrade).toThrow(
      new RegExp(`wrong values(?=[^]*BorderFirewall keep is kept as "prod")[^]*cluster would be ${name}`),
    );
    expect(upgrade).toThrow('BorderFirewall remove is kept as "prod"');
  }
  inNamespace('upgrade', 'sallyport', chart, '--set', 'replicas=1', '--reset-then-reuse-values');
  const path = '/apis/apps/v1/namespaces/sallyport/deployments/sallyport';
  expect(await server.admin.json('GET', path)).toMatchObject({ spec: { replicas: 1 } });
});

test('deleting a BorderFirewall: with Keep all stays, with Remove all of ours goes, and nothing else', async () => {
  const { controller, told } = await run();
  await expectBothConfirmed(controller);
  const before = border();
  for (const name of ['keep', 'remove']) await server.admin.json('DELETE', `${OURS}/borderfirewalls/${name}`);
  await expect.poll(() => holds('remove', '10.1.0.1')).toBe(false);
  expect(devices.get('remove')?.dump()).toBe(new MemoryDevice(FOREIGN).dump());
  expect(told.some((one) => one.startsWith('the device was left; nothing of ours is there'))).toBe(true);
  await addPod('till-3', '10.1.0.3');
  await aWhile();
  expect(border()['keep']).toBe(before['keep']);
});

test('with Remove, one that is deleted while nobody keeps its firewall waits, and the next copy leaves it', async () => {
  await make('borderfirewalls', 'BorderFirewall', 'remove', {
    driver: 'nftables',
    address: 'netns:remove',
    workloads: {},
    sees: 'Pod',
    mode: 'Enforce',
    onDelete: 'Remove',
  });
  const first = await run();
  await expect.poll(() => holds('remove', '10.1.0.3'), { timeout: 60_000 }).toBe(true);
  const isHeld = async (): Promise<boolean> =>
    JSON.stringify(await server.admin.json('GET', `${OURS}/borderfirewalls/remove`)).includes(BORDER_FINALIZER);
  await expect.poll(isHeld).toBe(true);
  await first.stop();
  const before = border();
  await server.admin.json('DELETE', `${OURS}/borderfirewalls/remove`);
  await aWhile();
  expect(border()).toEqual(before);
  expect(await names('borderfirewalls')).toContain('remove');
  await run();
  await expect.poll(() => names('borderfirewalls'), { timeout: 60_000 }).not.toContain('remove');
  expect(devices.get('remove')?.dump()).toBe(new MemoryDevice(FOREIGN).dump());
});

test('deleting our namespace changes nothing at the border', async () => {
  await make('borderfirewalls', 'BorderFirewall', 'keep', {
    driver: 'nftables',
    address: 'netns:keep',
    workloads: {},
    sees: 'Pod',
    mode: 'Enforce',
  });
  await run();
  await expect.poll(() => holds('keep', '10.1.0.3'), { timeout: 60_000 }).toBe(true);
  const before = border();
  // Marks it; what is inside goes here, as the namespace controller would do.
  await server.admin.json('DELETE', '/api/v1/namespaces/sallyport');
  for (const path of [
    '/apis/coordination.k8s.io/v1/namespaces/sallyport/leases',
    '/apis/rbac.authorization.k8s.io/v1/namespaces/sallyport/rolebindings',
    '/apis/rbac.authorization.k8s.io/v1/namespaces/sallyport/roles',
    '/api/v1/namespaces/sallyport/serviceaccounts',
  ])
    await server.admin.json('DELETE', path);
  await aWhile();
  expect(border()).toEqual(before);
});

test('deleting the definitions under a running controller changes nothing at the border', async () => {
  const path = server.kubeconfig;
  const { client } = await connectKubeconfig({ path, environment: {}, log: silentLog });
  const told: string[] = [];
  const say = (fields: object, message: string): void => void told.push(`${message} ${JSON.stringify(fields)}`);
  const stop = new AbortController();
  // Its namespace is gone, and with it its account and its Leases: this one is the admin, alone.
  const controller = new Controller({
    cluster: 'prod',
    source: new KubernetesSource({ name: 'cluster', api: client, clock: systemClock }),
    open: ({ name }) => ({
      driver: new MemoryDriver(devices.get(name) ?? new MemoryDevice()),
      lock: soleWriter,
      close: () => Promise.resolve(),
    }),
    clock: systemClock,
    log: { debug() {}, info: say, warn: say, error: say },
  });
  const ended = controller.run(stop.signal);
  await expect.poll(() => controller.status().size).toBe(1);
  await addPod('till-4', '10.1.0.4');
  await expect.poll(() => holds('keep', '10.1.0.4')).toBe(true);
  const before = border();
  for (const { plural } of kinds.filter(({ ours }) => ours))
    await server.admin.json('DELETE', `${DEFINITIONS}/${plural}.sallyport.dev`);
  await expect.poll(() => controller.world.state.kind).toBe('frozen');
  await addPod('till-5', '10.1.0.5');
  await aWhile();
  expect(border()).toEqual(before);
  expect(controller.ready().reason).toContain('frozen');
  stop.abort();
  await ended;
  await client.close();
  expect(border()).toEqual(before);
});
