/** Invariant 8, one writer for each firewall, with processes: stopped, killed, ended, and with Leases that a hand takes away. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { AwakeTime } from '../kit/awake-time.ts';
import { type Copy, LiveBorder, leasePath, overlaps, until } from '../kit/live-border.ts';

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

/** What the copies of the test before had is free once their Leases have run out; their names are not taken for those of the new ones. */
let rounds = 0;

/** Two copies that follow the world: who writes to the first firewall, and the other one. */
async function twoCopies(): Promise<{ readonly holder: Copy; readonly other: Copy }> {
  rounds += 1;
  const copies = [await live.copy(`one-${rounds}`), await live.copy(`two-${rounds}`)];
  for (const copy of copies)
    await until(
      () => copy.standing().catch(() => ''),
      (text) => text.includes('write'),
    );
  await until(
    () => copies.flatMap((copy) => copy.said('confirmed', 'edge-a')).length,
    (count) => count > 0,
  );
  return holderAmong(copies);
}

/** Who of the two has the Lease of the first firewall now; the other one may get it as soon as this is said. */
async function holderAmong(copies: readonly Copy[]): Promise<{ readonly holder: Copy; readonly other: Copy }> {
  const { name } = await until(
    () => live.holder('edge-a'),
    (lease) => copies.some((copy) => copy.name === lease.name),
  );
  const holder = copies.find((copy) => copy.name === name);
  const other = copies.find((copy) => copy.name !== name);
  if (holder === undefined || other === undefined) throw new Error('two were started');
  return { holder, other };
}

/** Stops the copy that has the first firewall, so that it has it while it sleeps: shares move by themselves. */
async function putToSleep(copies: readonly Copy[]): Promise<{ readonly sleeper: Copy; readonly other: Copy }> {
  for (;;) {
    const { holder, other } = await holderAmong(copies);
    holder.signal('SIGSTOP');
    if ((await live.holder('edge-a')).name === holder.name) return { sleeper: holder, other };
    holder.signal('SIGCONT');
  }
}

/**
 * Pods come and go without a pause for as long as a story lasts. What fails, of the story or of the pods, fails the test, and neither goes on
 * after it. `stop`: no pod comes or goes any more; the addresses of all that are there.
 */
async function amidChanges(
  signal: AbortSignal,
  story: (stop: () => Promise<readonly string[]>) => Promise<void>,
): Promise<void> {
  let goes = true;
  const there: string[] = [];
  const work = (async () => {
    while (goes && !signal.aborted) {
      there.push((await newPod()).name);
      const oldest = there.length > 5 ? there.shift() : undefined;
      if (oldest !== undefined) await live.removePod(oldest);
    }
  })();
  const stop = async (): Promise<readonly string[]> => {
    goes = false;
    await work;
    return live.addresses();
  };
  const told = story(stop).finally(() => {
    goes = false;
  });
  const failures = (await Promise.allSettled([told, work])).flatMap((one) =>
    one.status === 'rejected' ? [one.reason as unknown] : [],
  );
  const [first, ...more] = new Set(failures);
  if (more.length > 0) throw new AggregateError([first, ...more], [first, ...more].map(String).join('; '));
  if (failures.length > 0) throw first;
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

/** A Lease counts for so long. */
const LEASE_MS = 15_000;
const TAKEN = 'this copy writes to the firewall now';

test('one that slept for longer than its Lease writes nothing when it wakes up', async ({ signal }) => {
  const copies = Object.values(await twoCopies());
  await amidChanges(signal, async (stop) => {
    await until(
      () => copies.flatMap((copy) => copy.trail('edge-a')).length,
      (count) => count > 10,
    );
    const { sleeper, other } = await putToSleep(copies);
    const { epoch } = await live.holder('edge-a');
    const confirmed = other.said('confirmed', 'edge-a').length;
    await until(
      () => live.holder('edge-a'),
      (lease) => lease.name === other.name,
    );
    expect((await live.holder('edge-a')).epoch).toBeGreaterThan(epoch);
    await until(
      () => other.said('confirmed', 'edge-a').length,
      (count) => count > confirmed,
    );

    // Each transaction tells which process made it: an nft, which is the child of a copy. One that is gone before it is looked at is nobody's
    // here, on a quick machine all of them; that the sleeper sent nothing stands in its trail too.
    let transactions = 0;
    const writers: { readonly name: string; readonly at: number }[] = [];
    const processes = new Map(copies.map((copy) => [String(copy.child.pid), copy.name]));
    const monitor = live.firewall('edge-a').start('nft', ['monitor']);
    try {
      if (monitor.stdout === null) throw new Error('it has a pipe');
      createInterface({ input: monitor.stdout }).on('line', (line) => {
        const process = /^# new generation \d+ by process (\d+)/.exec(line)?.[1];
        if (process !== undefined) transactions += 1;
        const name = process === undefined ? undefined : ancestorIn(processes, process);
        if (name !== undefined) writers.push({ name, at: Date.now() });
      });
      await until(
        () => transactions,
        (count) => count > 0,
      );
      const asleep = sleeper.trail('edge-a').at(-1)?.number ?? 0;
      const taken = sleeper.said(TAKEN, 'edge-a').length;
      sleeper.signal('SIGCONT');
      await until(
        () => sleeper.standing(),
        (text) => text.includes(`edge-a (${other.name}_`),
      );
      // Whoever merely reaches the probes learns numbers.
      expect(await sleeper.ready()).toMatch(/^200 writes to \d of 3 firewalls\n?$/);
      await pause(3_000);
      const wanted = await stop();
      for (const firewall of FIREWALLS)
        await until(
          () => live.holds(firewall),
          (addresses) => addresses.join() === wanted.join(),
        );
      // A copy that stays awake gets its share again after half a minute: on a busy machine that may be now, and ends what is judged.
      const again = Date.parse(sleeper.said(TAKEN, 'edge-a')[taken]?.time ?? '') || Number.POSITIVE_INFINITY;
      const since = sleeper.trail('edge-a').filter(({ number, at }) => number > asleep && Date.parse(at) < again);
      expect(since.filter(({ entry }) => entry.what === 'Accepted' && entry.of > asleep)).toEqual([]);
      // It may have been put to sleep between being allowed to send and sending; the device refuses that.
      expect(since.filter(({ entry }) => entry.what === 'Sent').length).toBeLessThanOrEqual(1);
      expect(writers.filter(({ name, at }) => at < again && name !== other.name)).toEqual([]);
      expect((await live.table('edge-a')).match(/chain e_\w+/g)).toHaveLength(1);
    } finally {
      monitor.kill();
    }
  });
});

test('the successor of one that was killed begins to read within 20 s', async () => {
  const copies = Object.values(await twoCopies());
  const { sleeper, other } = await putToSleep(copies);
  const killedAt = Date.now();
  const time = new AwakeTime();
  sleeper.signal('SIGKILL');
  const { renewed } = await live.holder('edge-a');
  const { ip } = await newPod();
  const [taken] = await until(
    () => other.said(TAKEN, 'edge-a'),
    (found) => found.length > 0,
  );
  const lines = await until(
    () => other.said('the firewall answers', 'edge-a'),
    (found) => found.length > 0,
  );
  // It answers to the first reading's first question: that has begun before. Nobody takes a Lease that has not run out.
  expect(Date.parse(taken?.time ?? '') - renewed).toBeGreaterThanOrEqual(LEASE_MS);
  // What the whole machine stood still is no time of anybody's.
  expect(Date.parse(lines[0]?.time ?? '') - killedAt - time.asleepMs).toBeLessThanOrEqual(20_000);
  time.stop();
  await arrives('edge-a', ip);
  const all = await live.addresses();
  expect(await live.holds('edge-a')).toEqual(all);
  expect(overlaps(copies, 'edge-a')).toEqual([]);
});

test('one that is ended hands over at once, and leaves what is there', async () => {
  const { holder, other } = await twoCopies();
  const held = await live.holds('edge-a');
  expect(await holder.stop()).toBe(0);
  expect(await live.holds('edge-a')).toEqual(held);
  const [taken] = await until(
    () => other.said(TAKEN, 'edge-a'),
    (found) => found.length > 0,
  );
  // It was let go of: nobody waits for a Lease to run out.
  expect(taken).toMatchObject({ from: '' });
  const { ip } = await newPod();
  for (const firewall of FIREWALLS) await arrives(firewall, ip);
  expect(overlaps([holder, other], 'edge-a')).toEqual([]);
});

test('two copies share three firewalls out between them, and each follows', async () => {
  const copies = Object.values(await twoCopies());
  const counts = await until(
    async () => {
      const names: string[] = [];
      for (const firewall of FIREWALLS) names.push((await live.holder(firewall)).name);
      return copies.map(({ name }) => names.filter((each) => each === name).length).toSorted((a, b) => a - b);
    },
    (shares) => shares.join() === '1,2',
    90_000,
  );
  expect(counts).toEqual([1, 2]);
  const { ip } = await newPod();
  for (const firewall of FIREWALLS) await arrives(firewall, ip);
  for (const firewall of FIREWALLS) {
    // Shares of one and two may be on the way to two and one: the last one moves while this is asked.
    await until(
      async () => {
        const { name } = await live.holder(firewall);
        const { writer } = await live.status('borderfirewalls', firewall);
        return { name, writer };
      },
      ({ name, writer }) => name !== '' && writer === name,
    );
    expect(overlaps(copies, firewall)).toEqual([]);
  }
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
    expect(overlaps(copies, firewall)).toEqual([]);
  }
});
