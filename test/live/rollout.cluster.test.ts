/** Rollouts that wait for the border (design section 10): a real API server, several nftables firewalls, one of them slow. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LiveBorder, until } from '../kit/live-border.ts';
import { LiveController } from '../kit/live-controller.ts';

const GATE = 'sallyport.dev/border';
const SLOW = 'edge-c';
const FIREWALLS = ['edge-a', 'edge-b', SLOW];
const PODS = '/api/v1/namespaces/shop/pods';

let live: LiveBorder;
let controller: LiveController;
let addresses = 0;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: FIREWALLS });
  controller = await LiveController.start(live.server);
  for (const name of ['web-1', 'web-2', 'web-3']) await create(name);
  for (const name of await names())
    await until(
      () => isReady(name),
      (ready) => ready,
    );
});
afterAll(async () => {
  controller?.devices.letGo(SLOW);
  await controller?.stop();
  await live?.close();
});
afterEach(async () => {
  controller.devices.letGo(SLOW);
  await readiness({ timeout: '60s', onTimeout: 'Hold' });
});

/** A pod with the gate, whose containers run: a node has done its part. Its address. */
async function create(name: string): Promise<string> {
  addresses += 1;
  const podIP = `10.1.0.${addresses}`;
  const spec = {
    nodeName: 'n1',
    containers: [{ name: 'c', image: 'x' }],
    readinessGates: [{ conditionType: GATE }],
  };
  await live.post(PODS, 'v1', 'Pod', { name, namespace: 'shop', labels: { app: 'pay' } }, spec);
  const status = {
    phase: 'Running',
    podIP,
    podIPs: [{ ip: podIP }],
    conditions: [{ type: 'ContainersReady', status: 'True' }],
  };
  await live.admin.json('PATCH', `${PODS}/${name}/status`, { status }, 'application/strategic-merge-patch+json');
  return podIP;
}

async function names(): Promise<readonly string[]> {
  const { items } = await live.admin.json<{ items: readonly { metadata: { name: string } }[] }>('GET', PODS);
  return items.map(({ metadata }) => metadata.name).toSorted();
}

async function gateOf(name: string): Promise<Condition | undefined> {
  const path = `${PODS}/${name}`;
  const { status } = await live.admin.json<{ status: { conditions?: readonly Condition[] } }>('GET', path);
  return status.conditions?.find(({ type }) => type === GATE);
}

/** As the kubelet works it out where all containers are ready. */
async function isReady(name: string): Promise<boolean> {
  return (await gateOf(name))?.status === 'True';
}

async function said(name: string): Promise<string> {
  const gate = await gateOf(name);
  return gate === undefined ? '' : `${gate.status} ${gate.reason} ${gate.message}`;
}

/** What a Deployment does with one more pod than it should have, and none less: the next one is made when the last one is ready. */
async function rollOut(from: readonly string[], to: readonly string[]): Promise<void> {
  for (const [at, name] of to.entries()) {
    await create(name);
    await until(
      () => isReady(name),
      (ready) => ready,
    );
    await live.removePod(from[at] ?? '');
  }
}

async function readiness(spec: { readonly timeout: string; readonly onTimeout: 'Hold' | 'Release' }): Promise<void> {
  const path = `/apis/sallyport.dev/v1alpha1/borderfirewalls/${SLOW}`;
  await live.admin.json('PATCH', path, { spec: { readiness: spec } }, 'application/merge-patch+json');
  const timeoutMs = Number.parseInt(spec.timeout, 10) * 1_000;
  await until(
    () => controller.controller.world.firewalls.get(SLOW)?.firewall.readiness,
    (known) => known?.timeoutMs === timeoutMs && known.onTimeout === spec.onTimeout,
  );
}

describe('a rollout through several firewalls', () => {
  test('waits for the slow one, pod by pod, and goes on as fast as that', async () => {
    const old = await names();
    controller.devices.hold(SLOW);
    const ip = `10.1.0.${addresses + 1}`;
    let isOver = false;
    const rollout = rollOut(old, ['web-4', 'web-5', 'web-6']).then(() => (isOver = true));
    // On a busy machine the others are named at first too.
    await until(
      () => said('web-4').catch(() => ''),
      (text) => text === `False Waiting ${ip}: ${SLOW}: ${ip} is not there yet`,
    );
    // Long enough for two more.
    await pause(3_000);
    expect([isOver, await names()]).toEqual([false, [...old, 'web-4']]);
    const has = async (): Promise<readonly boolean[]> =>
      Promise.all(FIREWALLS.map(async (name) => (await live.holds(name)).includes(ip)));
    expect(await has()).toEqual([true, true, false]);

    controller.devices.delay(SLOW, 300);
    controller.devices.letGo(SLOW);
    await rollout;
    controller.devices.delay(SLOW, 0);
    expect(await names()).toEqual(['web-4', 'web-5', 'web-6']);
    expect(await said('web-6')).toBe(`True Confirmed 10.1.0.${addresses}: confirmed by ${FIREWALLS.join(', ')}`);
    const wanted = await live.addresses();
    for (const name of FIREWALLS)
      await until(
        () => live.holds(name),
        (held) => held.join() === wanted.join(),
      );
  });

  test('with `onTimeout: Release` goes on after the time that the firewall’s owner gives it', async () => {
    await readiness({ timeout: '2s', onTimeout: 'Release' });
    controller.devices.hold(SLOW);
    const old = await names();
    await rollOut(old, ['web-7']);
    const ip = `10.1.0.${addresses}`;
    expect(await said('web-7')).toBe(`True Released ${ip}: ${SLOW}: ${ip} is not there yet; let go after 2 s`);
    expect(await live.holds('edge-a')).toContain(ip);
    expect(await live.holds(SLOW)).not.toContain(ip);
  });

  test('with `onTimeout: Hold` waits beyond the time, until the firewall has confirmed', async () => {
    await readiness({ timeout: '1s', onTimeout: 'Hold' });
    controller.devices.hold(SLOW);
    let isOver = false;
    const rollout = rollOut(await names(), ['web-8']).then(() => (isOver = true));
    await until(
      () => said('web-8').catch(() => ''),
      (text) => text.startsWith('False Waiting'),
    );
    await pause(2_500);
    expect([isOver, await isReady('web-8')]).toEqual([false, false]);
    controller.devices.letGo(SLOW);
    await rollout;
    expect(await said('web-8')).toContain('True Confirmed');
  });
});
