/** Invariant 8, one writer for each firewall, with processes: stopped, killed, ended, and with Leases that a hand takes away. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Copy, LiveBorder, leasePath, until } from '../kit/live-border.ts';

const FIREWALLS = ['edge-a', 'edge-b', 'edge-c'];
let live: LiveBorder;
let pods = 0;

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: FIREWALLS });
});
afterAll(() => live.close());
afterEach(() => live.endCopies());

/** A new running pod, and its address. */
async function newPod(): Promise<{ readonly name: string; readonly ip: string }> {
  pods += 1;
  const pod = { name: `pod-${pods}`, ip: `10.1.${pods >> 7}.${1 + (pods & 127)}` };
  await live.pod(pod.name, pod.ip);
  return pod;
}

const arrives = (firewall: string, ip: string): Promise<unknown> =>
  until(
    () => live.holds(firewall),
    (addresses) => addresses.includes(ip),
  );

/** Two copies that follow the world: who writes to the first firewall, and the other one. */
async function twoCopies(): Promise<{ readonly holder: Copy; readonly other: Copy }> {
  const copies = [await live.copy('one'), await live.copy('two')];
  // What the copies of the test before had is free once their Leases have run out.
  const { name } = await until(
    () => live.holder('edge-a'),
    (lease) =>
      copies.some((copy) => copy.said('writes to the firewall now', 'edge-a').length > 0 && copy.name === lease.name),
  );
  for (const copy of copies)
    await until(
      () => copy.ready().catch(() => ''),
      (text) => text.includes('write'),
    );
  const holder = copies.find((copy) => copy.name === name);
  const other = copies.find((copy) => copy.name !== name);
  if (holder === undefined || other === undefined) throw new Error('two were started');
  await until(
    () => holder.said('confirmed', 'edge-a').length,
    (count) => count > 0,
  );
  return { holder, other };
}

/** Pods come and go without a pause, until it is stopped; then the addresses of all that are there. */
function churn(): { stop(): Promise<readonly string[]> } {
  let goes = true;
  const there: string[] = [];
  const work = (async () => {
    while (goes) {
      there.push((await newPod()).name);
      const oldest = there.length > 5 ? there.shift() : undefined;
      if (oldest !== undefined) await live.removePod(oldest);
    }
    return live.addresses();
  })();
  return {
    stop: () => {
      goes = false;
      return work;
    },
  };
}

/** Which of some processes a process comes from; `undefined`: none of them, or it is gone. */
function ancestorIn(known: ReadonlyMap<string, string>, process: string): string | undefined {
  for (let at: string | undefined = process; at !== undefined && at !== '1' && at !== '0'; at = parentOf(at)) {
    const found = known.get(at);
    if (found !== undefined) return found;
  }
  return undefined;
}

function parentOf(process: string): string | undefined {
  try {
    return /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${process}/status`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

test('one that slept for longer than its Lease writes nothing when it wakes up', async () => {
  const { holder, other } = await twoCopies();
  const before = await live.holder('edge-a');
  const changes = churn();
  await until(
    () => holder.trail('edge-a').length,
    (count) => count > 10,
  );
  holder.signal('SIGSTOP');
  await until(
    () => live.holder('edge-a'),
    (lease) => lease.name === other.name,
  );
  expect((await live.holder('edge-a')).epoch).toBeGreaterThan(before.epoch);
  await until(
    () => other.said('confirmed', 'edge-a').length,
    (count) => count > 0,
  );

  // Each transaction tells which process made it: an nft, which is the child of a copy. One that is gone already is nobody's here;
  // that the sleeper sent nothing stands in its trail.
  const writers = new Set<string>();
  const copies = new Map([holder, other].map((copy) => [String(copy.child.pid), copy.name]));
  const monitor = live.firewall('edge-a').start('nft', ['monitor']);
  if (monitor.stdout === null) throw new Error('it has a pipe');
  createInterface({ input: monitor.stdout }).on('line', (line) => {
    const process = /^# new generation \d+ by process (\d+)/.exec(line)?.[1];
    const copy = process === undefined ? undefined : ancestorIn(copies, process);
    if (copy !== undefined) writers.add(copy);
  });
  await until(
    () => writers.size,
    (size) => size > 0,
  );
  await pause(1_000);
  const written = holder.trail('edge-a').filter(({ entry }) => entry.what === 'Sent').length;
  holder.signal('SIGCONT');
  await until(
    () => holder.said('is somebody else’s now'),
    (lines) => lines.some((line) => String(line['lease']).includes('edge-a')),
  );
  const ready = await until(
    () => holder.ready(),
    (text) => text.includes('others write to'),
  );
  expect(ready).toContain(`edge-a (${other.name}_`);
  await pause(3_000);
  const wanted = await changes.stop();
  for (const firewall of FIREWALLS)
    await until(
      () => live.holds(firewall),
      (addresses) => addresses.join() === wanted.join(),
    );
  monitor.kill();
  expect([...writers]).toEqual([other.name]);
  expect(holder.trail('edge-a').filter(({ entry }) => entry.what === 'Sent')).toHaveLength(written);
  expect((await live.table('edge-a')).match(/chain e_\w+/g)).toHaveLength(1);
});

test('the successor of one that was killed begins to read within 20 s', async () => {
  const { holder, other } = await twoCopies();
  const killedAt = Date.now();
  holder.signal('SIGKILL');
  const { ip } = await newPod();
  const lines = await until(
    () => other.said('the firewall answers', 'edge-a'),
    (found) => found.length > 0,
  );
  // It answers to the first reading's first question: that has begun before.
  const ms = Date.parse(lines[0]?.time ?? '') - killedAt;
  expect(ms).toBeGreaterThan(10_000);
  expect(ms).toBeLessThanOrEqual(20_000);
  await arrives('edge-a', ip);
  const all = await live.addresses();
  expect(await live.holds('edge-a')).toEqual(all);
});

test('one that is ended hands over at once, and leaves what is there', async () => {
  const { holder, other } = await twoCopies();
  const held = await live.holds('edge-a');
  const endedAt = Date.now();
  expect(await holder.stop()).toBe(0);
  expect(await live.holds('edge-a')).toEqual(held);
  const lines = await until(
    () => other.said('the firewall answers', 'edge-a'),
    (found) => found.length > 0,
  );
  // Nobody waits for a Lease to run out: 15 s.
  expect(Date.parse(lines[0]?.time ?? '') - endedAt).toBeLessThan(10_000);
  const { ip } = await newPod();
  for (const firewall of FIREWALLS) await arrives(firewall, ip);
});

test('two copies share three firewalls out between them, and each follows', async () => {
  await twoCopies();
  const shares = await until(
    async () => {
      const names = [];
      for (const firewall of FIREWALLS) names.push((await live.holder(firewall)).name);
      return names.toSorted().join();
    },
    (names) => ['one,one,two', 'one,two,two'].includes(names),
    90_000,
  );
  expect(shares).toMatch(/one.*two/);
  const { ip } = await newPod();
  for (const firewall of FIREWALLS) await arrives(firewall, ip);
  const status = await live.status('borderfirewalls', 'edge-b');
  expect(status['writer']).toMatch(/^(one|two)$/);
});

test('Leases that a hand deletes come back, and no firewall is left alone or written by two', async () => {
  const copies = Object.values(await twoCopies());
  for (const firewall of FIREWALLS) await live.admin.json('DELETE', leasePath(firewall));
  const { ip } = await newPod();
  for (const firewall of FIREWALLS) {
    await until(
      () => live.holder(firewall),
      ({ name }) => copies.some((copy) => copy.name === name),
    );
    await arrives(firewall, ip);
    // Writes of one copy end before those of another begin.
    const spans = copies.map((copy) => copy.trail(firewall).map(({ at }) => Date.parse(at)));
    const [first = [], second = []] = spans.toSorted((a, b) => (a[0] ?? Infinity) - (b[0] ?? Infinity));
    expect(first.at(-1) ?? -Infinity).toBeLessThan(second[0] ?? Infinity);
  }
});
