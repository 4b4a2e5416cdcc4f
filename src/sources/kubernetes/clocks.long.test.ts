import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DeliveredState } from '../../../test/kit/delivered-state.ts';
import type { LoggedRequest } from '../../../test/kit/fake-apiserver/transport.ts';
import { FakeApiServer, type Given } from '../../../test/kit/fake-apiserver/server.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { GivenCredentials } from '../../kubernetes/given-credentials.ts';
import { HttpApiClient } from '../../kubernetes/http-api-client.ts';
import { KubernetesSource } from './kubernetes-source.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5, 12);

const pod = (name: string, nodeName = 'n1'): Given => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name },
  spec: { nodeName, containers: [{ name: 'c', image: 'x' }] },
  status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
});

let clock: FakeClock;
/** By so much the server's clock is ahead of the right time; ours is what `clock` says. */
let skewMs: number;
let api: FakeApiServer;
let client: HttpApiClient;
let seen: DeliveredState;
let stop: AbortController;
let running: Promise<void>;

const LOOKS = 4;

/** Lets time go by, a second at a time, until it holds; gives the seconds. */
async function until(holds: () => boolean, longest = 600): Promise<number> {
  for (let seconds = 0; seconds <= longest; seconds++) {
    for (let looks = 0; looks < LOOKS; looks++) {
      if (holds()) return seconds;
      await pause(1);
    }
    clock.advance(1_000);
  }
  throw new Error(`it never came to that: ${seen.state} ${seen.reason} ${seen.keys.join()}`);
}

/** Lets so many seconds go by, each in which something is due with as much of real time as `until` gives it. */
async function pass(seconds: number): Promise<void> {
  let isDue = true;
  for (let second = 0; second < seconds; second++) {
    if (isDue) await pause(LOOKS);
    isDue = (clock.next() ?? Number.POSITIVE_INFINITY) <= 1_000;
    clock.advance(1_000);
  }
  await pause(LOOKS);
}

const names = (): string =>
  seen.keys
    .filter((key) => key.startsWith('Pod/'))
    .join()
    .replaceAll('Pod/shop/', '');
/** What reads all there is: a list, whole or its first page, or a watch that begins with one. */
const isWholeList = ({ verb, query }: LoggedRequest): boolean =>
  (verb === 'list' && query.get('limit') !== '1') || query.get('sendInitialEvents') === 'true';
const asked = (which: (request: LoggedRequest) => boolean): number =>
  api.requests.filter((request) => request.resource === 'pods' && which(request)).length;
const watches = (): number => asked(({ verb }) => verb === 'watch');

beforeEach(async () => {
  clock = new FakeClock(START);
  skewMs = 0;
  const serversClock = {
    wall: () => START + clock.monotonic() + skewMs,
    monotonic: () => clock.monotonic(),
    after: (ms: number, callback: () => void) => clock.after(ms, callback),
  };
  api = await FakeApiServer.start({ clock: serversClock });
  client = new HttpApiClient(
    { title: 'fake', url: new URL(api.url), isInsecure: false },
    new GivenCredentials({}, clock),
    clock,
  );
  seen = new DeliveredState();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await running;
  await client.close();
  await api.stop();
});

async function follow(): Promise<void> {
  for (const name of ['a', 'b', 'c', 'd']) api.put(pod(name));
  const source = new KubernetesSource({ name: 'prod', api: client, clock, random: () => 0.5 });
  running = source.run((delivery) => seen.take(delivery), stop.signal);
  await until(() => seen.state === 'complete');
  await pass(90);
  api.forgetRequests();
}

/** What happens to the server's objects meanwhile. */
function change(): void {
  api.delete(pod('a'));
  api.put(pod('b', 'n2'));
  api.put(pod('new'));
}
const isTold = (): boolean => {
  const b = seen.resources.get('Pod/shop/b');
  return names() === 'b,c,d,new' && b?.type === 'Pod' && b.nodeName === 'n2';
};

describe.each<readonly [string, () => void, number]>([
  ['the wall clock is set five hours ahead', () => clock.setWall(5 * HOUR_MS), 0],
  ['the wall clock is set five hours back', () => clock.setWall(-5 * HOUR_MS), 0],
  // Connections that were silent for so long are looked at anew.
  ['the process is stopped for five hours', () => clock.stop(5 * HOUR_MS), 1],
])('%s', (_, jump, again) => {
  test('what happens about it is told, nothing is read again whole, and no watch is begun without need', async () => {
    await follow();
    const before = seen.deliveries.length;
    jump();
    change();
    expect(await until(isTold)).toBeLessThan(10);
    await pass(60);
    expect([asked(isWholeList), watches()]).toEqual([0, again]);
    expect(seen.deliveries.slice(before).filter(({ state }) => state.kind !== 'complete')).toEqual([]);
    expect(seen.deleted).toEqual(['Pod/shop/a']);
  });

  test('a watch that ends then goes on at once', async () => {
    await follow();
    jump();
    await until(() => api.streams({ resource: 'pods' }).length === 1 && watches() === again);
    for (const stream of api.streams({ resource: 'pods' })) stream.end();
    change();
    expect(await until(isTold)).toBeLessThan(10);
    expect([asked(isWholeList), watches()]).toEqual([0, again + 1]);
  });

  test('a dead connection is noticed when it was silent for so long: who was stopped has waited already', async () => {
    await follow();
    for (const stream of api.streams({ resource: 'pods' })) stream.stall();
    jump();
    change();
    const seconds = await until(isTold);
    // The last bookmark came half a minute before.
    const [least, most] = again === 0 ? [100, 140] : [0, 10];
    expect(seconds).toBeGreaterThanOrEqual(least);
    expect(seconds).toBeLessThanOrEqual(most);
    expect([asked(isWholeList), watches()]).toEqual([0, 1]);
  });
});

test.each([
  ['ahead', 5 * HOUR_MS],
  ['back', -5 * HOUR_MS],
])(
  'who cannot be reached freezes after a minute though the wall clock is set %s meanwhile, and thaws',
  async (_, ms) => {
    await follow();
    await api.refuseConnections();
    await pass(10);
    clock.setWall(ms);
    const seconds = await until(() => seen.state === 'frozen');
    expect(seconds).toBeGreaterThan(40);
    expect(seconds).toBeLessThan(60);
    change();
    await api.acceptConnections();
    await until(() => isTold() && seen.state === 'complete');
    expect(seen.deleted).toEqual(['Pod/shop/a']);
  },
);

test.each([-7 * HOUR_MS, 7 * HOUR_MS])(
  'a server whose clock is %i ms ahead of ours is followed all the same',
  async (ms) => {
    skewMs = ms;
    await follow();
    // While an answer is on its way no time goes by: on a busy machine `pass` goes on without waiting for those that nobody is late with.
    await client.call({ method: 'GET', path: '/readyz' }, stop.signal).catch(() => undefined);
    const { theirs = 0, ours = 0 } = client.clocks ?? {};
    expect(Math.abs(theirs - ours - ms)).toBeLessThanOrEqual(1_000);
    change();
    expect(await until(isTold)).toBeLessThan(5);
    // And it is set right, or wrong the other way, while it runs.
    skewMs = -ms;
    api.delete(pod('new'));
    expect(await until(() => names() === 'b,c,d')).toBeLessThan(5);
    expect([asked(isWholeList), watches(), seen.state]).toEqual([0, 0, 'complete']);
  },
);
