import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MetalApi } from '../../../../simulators/metal/index.ts';
import { type ApiServer, startApiServer } from '../../../../test/kit/apiserver.ts';
import { CONNECTED, managerView, type MonitorAsSeen } from '../../../../test/kit/manager-view.ts';
import {
  CWNP_DEFINITION,
  define,
  FIREWALL_DEFINITION,
  MONITOR_DEFINITION,
} from '../../../../test/kit/metal-stack-crds.ts';
import { RunningMachine } from '../../../../test/kit/running-machine.ts';
import { systemClock } from '../../../base/clock.ts';
import { netnsTransport } from '../../../firewalls/nftables/reach/local-transport.ts';
import type { MachineController } from '../machine-controller.ts';
import { Accounting } from './accounting.ts';
import { FirewallMonitor } from './firewall-monitor.ts';
import { MachineMonitor } from './machine-monitor.ts';

const GROUP = '/apis/firewall.metal-stack.io/v2';
const MONITORS = `${GROUP}/namespaces/firewall/firewallmonitors`;
const FIREWALLS = `${GROUP}/namespaces/seed/firewalls`;
const POLICIES = '/apis/metal-stack.io/v1/namespaces/firewall/clusterwidenetworkpolicies';
const MERGE = 'application/merge-patch+json';

interface Shown extends MonitorAsSeen {
  readonly metadata: { readonly resourceVersion: string; readonly uid: string };
  readonly image: string;
  readonly conditions: readonly unknown[];
  readonly controllerStatus?: NonNullable<MonitorAsSeen['controllerStatus']> & {
    readonly message: string;
    readonly controllerVersion: string;
    readonly stats: {
      readonly rules: Readonly<
        Record<string, Readonly<Record<string, { readonly counter: { readonly packets: number } }>>>
      >;
      readonly devices: object;
      readonly idsStats: object;
    };
  };
}

/** As its manager makes it. */
const monitor = (more: object = {}): object => ({
  apiVersion: 'firewall.metal-stack.io/v2',
  kind: 'FirewallMonitor',
  metadata: { name: 'fw-1' },
  size: 's',
  image: 'i',
  partition: 'p',
  project: 'x',
  networks: ['internet'],
  conditions: [],
  ...more,
});

describe('the FirewallMonitor of a machine', () => {
  let server: ApiServer;
  let machine: RunningMachine;
  const ends: (() => Promise<unknown> | void)[] = [];

  beforeAll(async () => {
    server = await startApiServer();
    for (const name of ['seed', 'firewall'])
      await server.admin.json('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      });
    for (const definition of [FIREWALL_DEFINITION, MONITOR_DEFINITION, CWNP_DEFINITION])
      await define(server.admin, definition);
    machine = await RunningMachine.open();
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    await machine.reset();
    for (const path of [MONITORS, FIREWALLS, POLICIES]) await server.admin.json('DELETE', path);
  });
  afterAll(async () => {
    await machine.close();
    await server.stop();
  });

  const shown = (): Promise<Shown> => server.admin.json<Shown>('GET', `${MONITORS}/fw-1`);
  const view = async (): Promise<object> => managerView(await shown(), Date.now());
  const eventually = (what: () => Promise<unknown>) => expect.poll(what, { timeout: 30_000 });

  /** Reports as `run` does. */
  function report(controller: MachineController): MachineMonitor {
    const monitorOf = new FirewallMonitor({ target: () => controller.clusters.monitor, log: machine.log });
    const measuring = new MachineMonitor({
      transport: netnsTransport(machine.world.machine.name, machine.folder),
      ids: undefined,
      connections: '/proc/sys/net/netfilter',
      accounting: new Accounting({ wish: () => undefined, machine: () => 'fw-1' }),
      times: () => controller.times,
      interval: () => controller.input?.firewall.intervalMs,
      report: (status, signal) => monitorOf.report(status, signal),
      clock: systemClock,
      log: machine.log,
    });
    const stop = new AbortController();
    const ended = measuring.run(stop.signal);
    ends.push(() => {
      stop.abort();
      return ended;
    });
    return measuring;
  }

  const shoot = (): string => `shoot: { kubeconfig: ${server.kubeconfig}, namespace: firewall }`;
  const firewall = (spec: object = {}): object => ({
    apiVersion: 'firewall.metal-stack.io/v2',
    kind: 'Firewall',
    metadata: { name: 'fw-1' },
    distance: 0,
    spec: { size: 's', image: 'i', partition: 'p', project: 'x', networks: ['internet'], interval: '1s', ...spec },
  });

  test.each(['seed', 'static', 'metal', 'manifests'])('a firewall becomes ready with the source %s', async (source) => {
    await server.admin.json('POST', FIREWALLS, firewall());
    await server.admin.json('POST', MONITORS, monitor());
    const api = await MetalApi.start({ secrets: { 'Metal-View': 'secret' } });
    ends.push(() => api[Symbol.asyncDispose]());
    api.store.putFirewall({
      id: 'm-1',
      allocation: { name: 'shop', hostname: 'fw-1', project: 'p-1', networks: [] },
    });
    writeFileSync(join(machine.folder, 'objects.yaml'), JSON.stringify(firewall()));
    const places: Readonly<Record<string, string>> = {
      seed: `{ kubeconfig: ${server.kubeconfig}, namespace: seed }`,
      static: '{ firewall: { interval: 1s } }',
      metal: `{ url: ${api.url}, hmac: secret, projectID: p-1, firewall: { interval: 1s } }`,
      manifests: '{ manifests: ./objects.yaml }',
    };
    machine.configure(`sources: { base: ${places[source]}, ${shoot()} }
controllers: { firewall: { source: base }, cwnp: { source: shoot }, monitor: { source: shoot } }`);
    expect(await view()).toEqual({ Connected: 'NotConnected', SeedConnected: 'Unset', Distance: 'NotConnected' });
    report(await machine.start());
    await eventually(view).toEqual(CONNECTED);
    const { controllerStatus, image } = await shown();
    expect(image).toBe('i');
    expect(controllerStatus).toMatchObject({ distance: 0, distanceSupported: false, stats: { idsStats: {} } });
    expect(controllerStatus?.message).toBe(`updated firewall monitor resource at ${controllerStatus?.lastRun}`);
    expect(Object.keys(controllerStatus?.stats.rules['accept'] ?? {})).toContain('accept established connections');
    expect(Object.keys(controllerStatus?.stats.devices ?? {})).toEqual(['external', 'internal']);
  });

  test('what a controller before said goes, what its manager says stays, and a rule that is gone is shown no more', async () => {
    const counter = { counter: { bytes: 1, packets: 1 } };
    const stats = { rules: { accept: { 'long/gone~': counter }, odd: { x: counter } }, devices: {}, idsStats: {} };
    await server.admin.json('POST', MONITORS, monitor({ controllerStatus: { nftablesExporterVersion: 'v0', stats } }));
    await server.admin.json('POST', POLICIES, {
      apiVersion: 'metal-stack.io/v1',
      kind: 'ClusterwideNetworkPolicy',
      metadata: { name: 'web' },
      spec: { egress: [{ to: [{ cidr: '198.51.100.0/24' }], ports: [{ port: 443 }] }] },
    });
    machine.configure(`sources: { static: { firewall: { interval: 1s } }, ${shoot()} }
controllers: { firewall: { source: static }, cwnp: { source: shoot }, monitor: { source: shoot } }`);
    report(await machine.start());
    const rule = 'accept traffic for np web tcp';
    const counted = async (): Promise<unknown> =>
      (await shown()).controllerStatus?.stats.rules['accept']?.[rule]?.counter.packets;
    await eventually(counted).toBe(0);
    expect(await machine.passes(443)).toBe(true);
    await eventually(counted).toBe(1);
    expect(Object.keys((await shown()).controllerStatus ?? {})).not.toContain('nftablesExporterVersion');
    expect(JSON.stringify((await shown()).controllerStatus)).not.toMatch(/long|odd/);
    // The manager writes the whole object that it read.
    const read = await shown();
    const conditions = [{ type: 'Ready', status: 'True' }];
    await server.admin.json('PATCH', `${MONITORS}/fw-1`, { image: 'j', conditions }, MERGE);
    await server.admin.json('DELETE', `${POLICIES}/web`);
    await eventually(counted).toBe(undefined);
    expect(await shown()).toMatchObject({ image: 'j', conditions, metadata: { uid: read.metadata.uid } });
  });

  test('it is never made, nor kept from going; the next one of its name is reported to', async () => {
    machine.configure(`sources: { static: { firewall: { interval: 1s } }, ${shoot()} }
controllers: { firewall: { source: static }, monitor: { source: shoot } }`);
    const measuring = report(await machine.start());
    await eventually(() => Promise.resolve(measuring.latest()?.['lastRunAgainstSeed'])).toBeDefined();
    const list = await server.admin.json<{ items: unknown[] }>('GET', MONITORS);
    expect(list.items).toEqual([]);
    await server.admin.json('POST', MONITORS, monitor({ metadata: { name: 'fw-2' } }));
    await server.admin.json(
      'POST',
      MONITORS,
      monitor({ metadata: { name: 'fw-1', finalizers: ['example.org/manager'] } }),
    );
    await eventually(view).toEqual(CONNECTED);
    await server.admin.json('DELETE', `${MONITORS}/fw-1`);
    await eventually(async () => {
      const before = (await shown()).metadata.resourceVersion;
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      return (await shown()).metadata.resourceVersion === before;
    }).toBe(true);
    await server.admin.json('PATCH', `${MONITORS}/fw-1`, { metadata: { finalizers: null } }, MERGE);
    await server.admin.json('POST', MONITORS, monitor());
    await eventually(view).toEqual(CONNECTED);
    // Another machine's is its own business.
    expect(await server.admin.json('GET', `${MONITORS}/fw-2`)).not.toHaveProperty('controllerStatus');
  });

  test('a seed that is away shows in its time alone', async () => {
    await server.admin.json('POST', FIREWALLS, firewall());
    await server.admin.json('POST', MONITORS, monitor());
    const seed = join(machine.folder, 'seed.yaml');
    writeFileSync(seed, readFileSync(server.kubeconfig, 'utf8'));
    machine.configure(`sources: { seed: { kubeconfig: ${seed}, namespace: seed }, ${shoot()} }
controllers: { firewall: { source: seed }, cwnp: { source: shoot }, monitor: { source: shoot } }`);
    report(await machine.start());
    await eventually(view).toEqual(CONNECTED);
    await machine.stop();
    for (const end of ends.splice(0)) await end();
    const last = (await shown()).controllerStatus?.lastRunAgainstSeed;
    writeFileSync(seed, readFileSync(seed, 'utf8').replaceAll(server.url, 'https://127.0.0.1:1'));
    report(await machine.start());
    await eventually(async () => {
      const { lastRun, lastRunAgainstSeed } = (await shown()).controllerStatus ?? {};
      return [lastRun !== undefined && lastRun > (last ?? ''), lastRunAgainstSeed];
    }).toEqual([true, last]);
  });
});
