/** Two controllers with one name: in one namespace, in two, and in two clusters that describe the same firewalls. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Copy, LiveBorder, overlaps, until } from '../kit/live-border.ts';

const FIREWALLS = ['edge-a', 'edge-b'];
let live: LiveBorder;
let pods = 0;

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: FIREWALLS });
});
afterAll(() => live.close());
afterEach(() => live.endCopies());

async function newPod(cluster = live): Promise<{ readonly name: string; readonly ip: string }> {
  pods += 1;
  const pod = { name: `pod-${pods}`, ip: `10.1.0.${pods}` };
  await cluster.pod(pod.name, pod.ip);
  return pod;
}

const holds = (firewall: string, wanted: readonly string[], ms?: number): Promise<unknown> =>
  until(
    () => live.holds(firewall),
    (addresses) => addresses.join() === wanted.join(),
    ms,
  );

const accepted = (copy: Copy, firewall: string): number =>
  copy.trail(firewall).filter(({ entry }) => entry.what === 'Accepted').length;

test('of two with one name, in one namespace, each firewall has one writer', async () => {
  const copies = [await live.copy('same'), await live.copy('same')];
  await until(
    async () => {
      const told = await Promise.all(copies.map((copy) => copy.standing().catch(() => '')));
      return told.map((text) => /writes to (edge-[^;]*)/.exec(text)?.[1]?.trim().split(', ') ?? []);
    },
    (shares) => shares.flat().toSorted().join() === FIREWALLS.join(),
  );
  for (let round = 0; round < 10; round++) {
    const { name } = await newPod();
    if (round % 2 === 0) await live.removePod(name);
  }
  const wanted = await live.addresses();
  for (const firewall of FIREWALLS) {
    await holds(firewall, wanted);
    expect(overlaps(copies, firewall)).toEqual([]);
  }
});

/** Somebody waits for the other one for at most ten minutes; it comes to half a minute here. */
const PATIENCE_MS = 240_000;

test('of two in two namespaces of one cluster, both want the same: the border follows, and writes stay few', async () => {
  const copies = [await live.copy('same'), await live.copy('same', await live.kubeconfigIn('elsewhere'))];
  for (const copy of copies)
    for (const firewall of FIREWALLS)
      await until(
        () => copy.said('confirmed', firewall).length,
        (count) => count > 0,
      );
  const before = copies.map((copy) => accepted(copy, 'edge-a'));
  const changes = 20;
  for (let round = 0; round < changes; round++) {
    const { name } = await newPod();
    if (round % 2 === 0) await live.removePod(name);
  }
  const wanted = await live.addresses();
  for (const firewall of FIREWALLS) await holds(firewall, wanted, PATIENCE_MS);
  // Neither brings back what the other one knows to be gone, nor takes away what is there.
  await pause(5_000);
  for (const firewall of FIREWALLS) await holds(firewall, wanted, PATIENCE_MS);
  const writes = copies.reduce((sum, copy, at) => sum + accepted(copy, 'edge-a') - (before[at] ?? 0), 0);
  // Without anybody counting they would undo each other thousands of times.
  expect(writes).toBeLessThanOrEqual(10 * changes);
  expect((await live.table('edge-a')).match(/chain e_\w+/g)).toHaveLength(1);
});

test('two clusters with one name overrule each other seldom, who waits says so, and what one gives up leaves all the same', async () => {
  const twin = await live.twin();
  const clusters = [live, twin];
  const owners = new Map<string, { readonly cluster: LiveBorder; readonly name: string }>();
  for (const cluster of [live, twin, live, twin]) {
    const { name, ip } = await newPod(cluster);
    owners.set(ip, { cluster, name });
  }
  const copies: Copy[] = [];
  for (const cluster of clusters) copies.push(await cluster.copy('same'));
  const told = new Set<LiveBorder>();
  await until(
    async () => {
      for (const cluster of clusters) {
        const { conditions = [] } = await cluster.status('borderfirewalls', 'edge-a');
        if (conditions.some(({ type, reason }) => type === 'Stalled' && reason === 'RIVAL_WRITER')) told.add(cluster);
      }
      return told.size;
    },
    (count) => count > 0,
    PATIENCE_MS,
    500,
  );
  const before = copies.map((copy) => accepted(copy, 'edge-a'));
  await pause(20_000);
  const writes = copies.reduce((sum, copy, at) => sum + accepted(copy, 'edge-a') - (before[at] ?? 0), 0);
  expect(writes).toBeLessThanOrEqual(40);
  // Between two times the border holds what one of the two wants, all of it.
  const [address = 'none'] = (await live.holds('edge-a')).filter((ip) => owners.has(ip));
  const { cluster, name } = owners.get(address) ?? {};
  expect(cluster).toBeDefined();
  await cluster?.removePod(name ?? '');
  await until(
    () => live.holds('edge-a'),
    (addresses) => !addresses.includes(address),
  );
});
