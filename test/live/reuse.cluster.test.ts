/**
 * An address that another pod gets while a slow firewall still holds it for the one before (design section 2, lifetime): a real API server,
 * nftables, packets.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Border } from '../kit/border.ts';
import { LiveBorder, until } from '../kit/live-border.ts';
import { LiveController } from '../kit/live-controller.ts';
import { fromNowOn, Sniffer } from '../packets/sniffer.ts';
import { settle } from '../packets/trials.ts';

const OURS = '/apis/sallyport.dev/v1alpha1';
const PODS = '/api/v1/namespaces/shop/pods';
const GATE = 'sallyport.dev/border';
const SERVER = '203.0.113.1';
const IP = '10.1.0.1';
/** What each of two kinds of pods may do, and the other may not. */
const PORTS = { old: 80, next: 443 } as const;
type App = keyof typeof PORTS;

let live: LiveBorder;
let border: Border;
let outside: Sniffer;
let controller: LiveController;

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: [] });
  border = await Border.open(
    { pods: [IP, '10.1.0.9'], podNets: ['10.1.0.0/16'], outside: [SERVER], translated: [] },
    Object.values(PORTS),
  );
  outside = await Sniffer.open(border.outside.namespace, 'out0');
  await live.addFirewall('edge', border.firewall.name);
  for (const [app, port] of Object.entries(PORTS)) {
    const egress = ['TCP', 'UDP'].map((protocol) => ({
      action: 'Allow',
      protocol,
      nets: [`${SERVER}/32`],
      ports: [port],
    }));
    const spec = { selector: `app == '${app}'`, namespaceSelector: 'all()', egress };
    const kind = 'ClusterBorderPolicy';
    await live.post(`${OURS}/clusterborderpolicies`, 'sallyport.dev/v1alpha1', kind, { name: app }, spec);
  }
  controller = await LiveController.start(live.server);
});
afterAll(async () => {
  controller?.devices.letGo('edge');
  await controller?.stop();
  outside?.stop();
  await border?.close();
  await live?.close();
});

/** A pod with the gate at the address. */
async function create(name: string, app: App): Promise<void> {
  const spec = {
    nodeName: 'n1',
    containers: [{ name: 'c', image: 'x' }],
    readinessGates: [{ conditionType: GATE }],
  };
  await live.post(PODS, 'v1', 'Pod', { name, namespace: 'shop', labels: { app } }, spec);
  const status = { phase: 'Running', podIP: IP, podIPs: [{ ip: IP }] };
  await live.admin.json('PATCH', `${PODS}/${name}/status`, { status }, 'application/merge-patch+json');
}

async function gateOf(name: string): Promise<string> {
  interface Condition {
    readonly type: string;
    readonly status: string;
    readonly message: string;
  }
  const path = `${PODS}/${name}`;
  const { status } = await live.admin.json<{ status: { conditions?: readonly Condition[] } }>('GET', path);
  const gate = status.conditions?.find(({ type }) => type === GATE);
  return gate === undefined ? '' : `${gate.status} ${gate.message}`;
}

const isReady = (name: string): boolean => controller.controller.readiness.standing(`pod:shop/${name}`).ready;
const ownerIs = (name: string): Promise<unknown> =>
  until(
    () => controller.controller.world.owners.get(IP),
    (owner) => owner === `pod:shop/${name}`,
  );
const readyNow = (name: string): Promise<unknown> =>
  until(
    () => isReady(name),
    (ready) => ready,
    60_000,
    2,
  );

/** A value of a metric of the firewall. */
async function number(name: string): Promise<number> {
  const text = await controller.metrics.text();
  return Number(new RegExp(`^${name}\\{firewall="edge"\\} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}

/** Whether somebody at the address is answered there. */
async function passes(app: App): Promise<boolean> {
  const { outcome } = await border.inside.tcp({ from: IP, to: SERVER, port: PORTS[app], timeoutMs: 300 });
  return outcome === 'passed';
}

describe('an address that another pod gets while a slow firewall holds it for the one before', () => {
  test('the new owner is not ready, and nothing of it has the old one’s rights once it is', async () => {
    await create('old-1', 'old');
    await ownerIs('old-1');
    await readyNow('old-1');
    expect([await passes('old'), await passes('next')]).toEqual([true, false]);
    const opened = await border.inside.openTcp('old', { from: IP, to: SERVER, port: PORTS.old, timeoutMs: 5_000 });
    expect(opened.outcome).toBe('passed');

    controller.devices.hold('edge');
    await live.removePod('old-1');
    await create('next-1', 'next');
    await ownerIs('next-1');
    // This is the window: the border cannot know better, so the pod is not told that it may start.
    expect([await passes('old'), await passes('next')]).toEqual([true, false]);
    const said = await until(
      () => gateOf('next-1'),
      (text) => text !== '',
    );
    expect(said).toMatch(/^False 10\.1\.0\.1: edge: 10\.1\.0\.1 is /);
    expect([await number('sallyport_firewall_releases_open'), await number('sallyport_firewall_reuses_total')]).toEqual(
      [1, 1],
    );
    // What the new pod begins in the window, with the rights of the one before.
    const begun = { from: IP, to: SERVER, port: PORTS.old, timeoutMs: 5_000 };
    expect((await border.inside.openUdp('next', { ...begun, says: '?' })).outcome).toBe('passed');
    await pause(1_500);
    expect(isReady('next-1')).toBe(false);
    expect(await gateOf('next-1')).toMatch(/^False /);

    controller.devices.letGo('edge');
    await readyNow('next-1');
    const readyAt = fromNowOn();
    await until(
      () => gateOf('next-1'),
      (text) => text.startsWith('True '),
    );
    expect([await passes('next'), await passes('old')]).toEqual([true, false]);
    await settle(border, outside);
    const late = outside.packets.filter(
      ({ at, source, destinationPort, isReset }) =>
        at >= readyAt && source === IP && destinationPort === PORTS.old && isReset !== true,
    );
    expect(late).toEqual([]);
    expect(await number('sallyport_firewall_releases_open')).toBe(0);
    for (const key of ['old', 'next']) await border.inside.close(key);
  });

  test('the window is measured, each time it opens, and shown: half, 99 of 100, and the longest', async () => {
    const before = {
      count: await number('sallyport_firewall_release_seconds_count'),
      reuses: await number('sallyport_firewall_reuses_total'),
    };
    let owner = 'next-1';
    const windows: number[] = [];
    const delaysMs = [40, 40, 40, 40, 40, 40, 40, 400];
    for (const [at, delayMs] of delaysMs.entries()) {
      controller.devices.delay('edge', delayMs);
      const app = at % 2 === 0 ? 'old' : 'next';
      const name = `${app}-again-${at}`;
      const began = performance.now();
      await live.removePod(owner);
      await create(name, app);
      await ownerIs(name);
      await readyNow(name);
      windows.push(performance.now() - began);
      owner = name;
    }
    controller.devices.delay('edge', 0);
    expect(await number('sallyport_firewall_release_seconds_count')).toBe(before.count + delaysMs.length);
    expect(await number('sallyport_firewall_releases_open')).toBe(0);
    // A pod that got the address after the firewall had let go of it took nothing over.
    const reuses = (await number('sallyport_firewall_reuses_total')) - before.reuses;
    expect(reuses).toBeLessThanOrEqual(delaysMs.length);

    interface Spread {
      readonly count: number;
      readonly p50Milliseconds: number;
      readonly p99Milliseconds: number;
      readonly longestMilliseconds: number;
    }
    const all = before.count + delaysMs.length;
    const spread = await until(
      async () => (await live.status('borderfirewalls', 'edge'))['releaseToConfirmed'] as Spread | undefined,
      (shown) => shown?.count === all,
      90_000,
    );
    const { p50Milliseconds: p50 = 0, p99Milliseconds: p99 = 0, longestMilliseconds: longest = 0 } = spread ?? {};
    // No write came sooner than its delay, and no window was longer than from before the pod was deleted until its heir was ready; in the
    // first test it was held for longer than in any of these.
    expect(p50).toBeGreaterThanOrEqual(40);
    expect(p50).toBeLessThanOrEqual(Math.ceil(windows.toSorted((a, b) => a - b).at(-1) ?? 0));
    expect(longest).toBeGreaterThanOrEqual(1_500);
    expect([p99, longest]).toEqual([longest, longest]);
  });
});
