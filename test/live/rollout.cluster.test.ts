/** Rollouts that wait for the border (design section 10): a real API server, several nftables firewalls, one of them slow. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LiveBorder, until } from '../kit/live-border.ts';
import { LiveController } from '../kit/live-controller.ts';

const GATE = 'sallyport.dev/border';
const SLOW = 'edge-c';
const FIREWALLS = ['edge-a', 'edge-b', SLOW];
const PODS = '/api/v1/namespaces/shop/pods';

let live: LiveBorder;
let controller: LiveController;
let addresses = 0;
/** What a test has under way. */
let rollouts: Promise<unknown>[] = [];
/** The pods that are there when a test begins; all of them are ready. */
let old: readonly string[];

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: FIREWALLS });
  controller = await LiveController.start(live.server);
});
afterAll(async () => {
  controller?.devices.letGo(SLOW);
  await controller?.stop();
  await live?.close();
});
beforeEach(async () => {
  await readiness({ timeout: '60s', onTimeout: 'Hold' });
  old = next(3);
  for (const name of old) await create(name);
  for (const name of old)
    await until(
      () => isReady(name),
      (ready) => ready,
    );
});
afterEach(async () => {
  controller.devices.delay(SLOW, 0);
  controller.devices.letGo(SLOW);
  await Promise.allSettled(rollouts);
  rollouts = [];
  for (const name of await names()) await live.removePod(name);
});

/** Names that no pod has had. */
function next(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `web-${100 + addresses + at}`);
}

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
function rollOut(to: readonly string[]): { readonly ended: Promise<void>; readonly isOver: () => boolean } {
  let isOver = false;
  const roll = async (): Promise<void> => {
    for (const [at, name] of to.entries()) {
      await create(name);
      await until(
        () => isReady(name),
        (ready) => ready,
      );
      await live.removePod(old[at] ?? '');
    }
    isOver = true;
  };
  const ended = roll();
  rollouts.push(ended);
  return { ended, isOver: () => isOver };
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
    const fresh = next(3);
    const [first = ''] = fresh;
    controller.devices.hold(SLOW);
    const ip = `10.1.0.${addresses + 1}`;
    const rollout = rollOut(fresh);
    // On a busy machine the others are named at first too.
    await until(
      () => said(first).catch(() => ''),
      (text) => text === `False Waiting ${ip}: ${SLOW}: ${ip} is not there yet`,
    );
    // Long enough for two more.
    await pause(3_000);
    expect([rollout.isOver(), await names()]).toEqual([false, [...old, first]]);
    const has = async (): Promise<readonly boolean[]> =>
      Promise.all(FIREWALLS.map(async (name) => (await live.holds(name)).includes(ip)));
    expect(await has()).toEqual([true, true, false]);

    controller.devices.delay(SLOW, 300);
    controller.devices.letGo(SLOW);
    await rollout.ended;
    controller.devices.delay(SLOW, 0);
    expect(await names()).toEqual(fresh);
    expect(await said(fresh.at(-1) ?? '')).toBe(
      `True Confirmed 10.1.0.${addresses}: confirmed by ${FIREWALLS.join(', ')}`,
    );
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
    const [fresh = ''] = next(1);
    await rollOut([fresh]).ended;
    const ip = `10.1.0.${addresses}`;
    expect(await said(fresh)).toBe(`True Released ${ip}: ${SLOW}: ${ip} is not there yet; let go after 2 s`);
    expect(await live.holds('edge-a')).toContain(ip);
    expect(await live.holds(SLOW)).not.toContain(ip);
  });

  test('with `onTimeout: Hold` waits beyond the time, until the firewall has confirmed', async () => {
    await readiness({ timeout: '1s', onTimeout: 'Hold' });
    controller.devices.hold(SLOW);
    const [fresh = ''] = next(1);
    const rollout = rollOut([fresh]);
    await until(
      () => said(fresh).catch(() => ''),
      (text) => text.startsWith('False Waiting'),
    );
    await pause(2_500);
    expect([rollout.isOver(), await isReady(fresh)]).toEqual([false, false]);
    controller.devices.letGo(SLOW);
    await rollout.ended;
    expect(await said(fresh)).toContain('True Confirmed');
  });
});
