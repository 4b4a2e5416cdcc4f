import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Copy, LeaseServer, Referee, type Road, TrueTime, quickRoad } from '../../../test/kit/lease-world.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { leasePlace } from './lease.ts';

const nameOf = (firewall: string): string => leasePlace('firewall', 'prod', firewall).name;

/** Firewalls of which each is for itself. */
const each = (firewalls: readonly string[]): ReadonlyMap<string, string> =>
  new Map(firewalls.map((name) => [name, name]));

/** Copies on one server, in a time of their own. */
function worldOf(count: number, firewalls: readonly string[]) {
  const time = new TrueTime();
  const server = new LeaseServer();
  const referee = new Referee();
  const copies: Copy[] = [];
  const start = (name: string, rate = 1, random: () => number = () => 0.5): Copy => {
    const copy = new Copy(name, time, server, { rate, random });
    copies.push(copy);
    copy.copies.want(each(firewalls));
    return copy;
  };
  for (let at = 0; at < count; at++) start(`copy-${at}`);
  const until = (end: number): Promise<void> => time.run(end, () => referee.look(time.now, firewalls, copies));
  const writers = (firewall: string): readonly string[] =>
    copies.filter((copy) => copy.writes(firewall)).map(({ name }) => name);
  const stop = (copy: Copy): void => {
    referee.stopped(copy, time.now);
    copy.stop();
  };
  return { time, server, copies, start, until, writers, stop };
}

describe('copies that share firewalls', () => {
  test('who is alone begins at once', async () => {
    const { until, writers } = worldOf(1, ['edge-1']);
    await until(50);
    expect(writers('edge-1')).toEqual(['copy-0']);
  });

  test('each firewall has one writer, and no copy more than its share, once all have been there for a while', async () => {
    const firewalls = ['edge-1', 'edge-2', 'edge-3', 'edge-4', 'edge-5'];
    const { until, writers, start, server } = worldOf(1, firewalls);
    await until(10_000);
    expect(firewalls.map(writers)).toEqual(firewalls.map(() => ['copy-0']));
    start('copy-1');
    start('copy-2');
    await until(120_000);
    const all = firewalls.flatMap(writers);
    expect(all).toHaveLength(5);
    for (const name of ['copy-0', 'copy-1', 'copy-2']) {
      const count = all.filter((one) => one === name).length;
      expect(count).toBeGreaterThanOrEqual(1);
      expect(count).toBeLessThanOrEqual(2);
    }
    // And then nothing moves any more.
    const epochs = (): unknown => [...server.objects.values()].map(({ spec }) => spec.leaseTransitions);
    const before = epochs();
    await until(400_000);
    expect(epochs()).toEqual(before);
  });

  test.each([0, 500, 1_000, 1_500, 1_900])(
    'a killed copy is followed within 20 s, at any moment: %i ms',
    async (offset) => {
      const { until, copies, writers, time } = worldOf(3, ['edge-1', 'edge-2', 'edge-3', 'edge-4']);
      const slow: Road = { ...quickRoad, there: () => 200, back: () => 200 };
      for (const copy of copies) copy.road = slow;
      await until(60_000 + offset);
      const [victim] = copies;
      const orphans = ['edge-1', 'edge-2', 'edge-3', 'edge-4'].filter((name) => victim?.writes(name) === true);
      expect(orphans.length).toBeGreaterThan(0);
      victim?.kill();
      await until(time.now + 20_000);
      for (const name of orphans) expect(writers(name)).toHaveLength(1);
    },
  );

  test('a copy that stops as it should is followed within one look', async () => {
    const { until, copies, writers, time } = worldOf(2, ['edge-1']);
    await until(60_000);
    const holder = copies.find((copy) => copy.writes('edge-1'));
    for (const firewall of holder?.locks.keys() ?? []) holder?.locks.get(firewall)?.lost();
    holder?.heldAt.clear();
    const closed = holder?.copies.close();
    await until(time.now + 5_500);
    await closed;
    expect(writers('edge-1')).toHaveLength(1);
    expect(writers('edge-1')).not.toContain(holder?.name);
  });

  test.each(['killed', 'stopped'] as const)('what a holder left goes to whoever comes after it: %s', async (how) => {
    const { until, copies, writers, time } = worldOf(2, ['edge-1']);
    await until(60_000);
    const holder = copies.find((copy) => copy.writes('edge-1'));
    const other = copies.find((copy) => copy !== holder);
    if (holder === undefined || other === undefined) throw new Error('there are two');
    await expect(other.copies.keep('edge-1', 'stranger')).rejects.toMatchObject({ code: 'NOT_THE_WRITER' });
    // An answer that is lost, and somebody's hand: the write is tried again.
    let lost = 1;
    holder.road = { ...quickRoad, lost: () => (lost-- > 0 ? 'back' : undefined) };
    const kept = holder.copies.keep('edge-1', 'first').then(
      () => 'kept',
      () => 'refused',
    );
    await until(time.now + 9_000);
    const first = await kept;
    const last = holder.copies.keep('edge-1', 'last');
    await until(time.now + 1_000);
    await last;
    expect([first, other.copies.memory('edge-1')]).toEqual([expect.stringMatching(/kept|refused/), undefined]);
    if (how === 'killed') holder.kill();
    else {
      for (const firewall of holder.locks.keys()) holder.locks.get(firewall)?.lost();
      holder.heldAt.clear();
      const closed = holder.copies.close();
      await until(time.now + 5_500);
      await closed;
    }
    await until(time.now + 20_000);
    expect([writers('edge-1'), other.copies.memory('edge-1')]).toEqual([[other.name], 'last']);
  });

  test('what cannot be left is refused', async () => {
    const { until, copies, time } = worldOf(1, ['edge-1']);
    await until(10_000);
    const [holder] = copies;
    if (holder === undefined) throw new Error('there is one');
    holder.road = { ...quickRoad, lost: () => 'there' };
    const kept = holder.copies.keep('edge-1', 'never').then(
      () => 'kept',
      (thrown: unknown) => String(thrown),
    );
    await until(time.now + 60_000);
    expect(await kept).toContain('could not be written');
  });

  test('work that does not end as it should is told, and another copy begins when the Lease has run out, not before', async () => {
    const { until, copies, writers, time, server } = worldOf(1, ['edge-1']);
    const [holder] = copies;
    if (holder === undefined) throw new Error('there is one');
    await until(10_000);
    const renewed = (): string | undefined => server.objects.get(nameOf('edge-1'))?.spec.renewTime;
    holder.endFailure = new Error('the device would not be closed');
    // Whoever takes the firewall away from it makes it end its work there.
    holder.copies.want(new Map());
    await until(time.now + 5_000);
    expect(writers('edge-1')).toEqual([]);
    const last = renewed();
    await until(time.now + 60_000);
    expect(renewed()).toBe(last);
    expect(server.objects.get(nameOf('edge-1'))?.spec.holderIdentity).toBe('copy-0');
    // It is wanted again, and gets it anew.
    holder.endFailure = undefined;
    holder.copies.want(each(['edge-1']));
    await until(time.now + 20_000);
    expect(writers('edge-1')).toEqual(['copy-0']);
  });

  test('a copy that sleeps writes nothing when it wakes, and takes part again', async () => {
    const { until, copies, writers, time, stop, server } = worldOf(2, ['edge-1']);
    await until(60_000);
    const holder = copies.find((copy) => copy.writes('edge-1')) as Copy;
    const before = server.objects.get(nameOf('edge-1'))?.spec.leaseTransitions ?? 0;
    stop(holder);
    await until(time.now + 40_000);
    const [next] = writers('edge-1');
    expect(next).not.toBe(holder.name);
    expect(server.objects.get(nameOf('edge-1'))?.spec.leaseTransitions).toBe(before + 1);
    holder.stopped = false;
    expect(holder.writes('edge-1')).toBe(false);
    holder.go();
    await until(time.now + 5_000);
    expect(writers('edge-1')).toEqual([next]);
  });

  test('while the server is away nobody writes; when it is back the holder goes on', async () => {
    const { until, copies, writers, time, server } = worldOf(3, ['edge-1']);
    await until(60_000);
    const [holder] = writers('edge-1');
    const before = server.objects.get(nameOf('edge-1'))?.spec.leaseTransitions;
    for (const copy of copies) copy.road = { ...quickRoad, lost: () => 'there' };
    await until(time.now + 10_000);
    expect(writers('edge-1')).toEqual([]);
    await until(time.now + 3_600_000);
    expect(writers('edge-1')).toEqual([]);
    for (const copy of copies) copy.road = quickRoad;
    await until(time.now + 10_000);
    expect(writers('edge-1')).toEqual([holder]);
    expect(server.objects.get(nameOf('edge-1'))?.spec.leaseTransitions).toBe(before);
  });

  test('answers that come later than the lease give no right', async () => {
    const { until, copies, writers, time } = worldOf(1, ['edge-1']);
    const [only] = copies as [Copy];
    only.road = { ...quickRoad, back: () => 1_900 };
    await until(30_000);
    expect(writers('edge-1')).toEqual(['copy-0']);
    only.road = { ...quickRoad, back: () => 20_000 };
    await until(time.now + 5_000);
    expect(writers('edge-1')).toEqual([]);
    await until(time.now + 300_000);
    expect(writers('edge-1')).toEqual([]);
  });

  test('a jump of the wall clock moves no lease, and stops writing at most until the next renewal', async () => {
    const { until, copies, writers, time, server } = worldOf(2, ['edge-1']);
    await until(60_000);
    const [holder] = writers('edge-1');
    const epoch = server.objects.get(nameOf('edge-1'))?.spec.leaseTransitions;
    for (const jump of [3_600_000, -7_200_000, 86_400_000]) {
      for (const copy of copies) copy.wallJump += jump;
      await until(time.now + 3_000);
      expect(writers('edge-1')).toEqual([holder]);
      await until(time.now + 30_000);
    }
    expect(writers('edge-1')).toEqual([holder]);
    expect(server.objects.get(nameOf('edge-1'))?.spec.leaseTransitions).toBe(epoch);
  });

  test('copies whose wall clocks are hours apart, so that renewals lie far off, follow each other as any others', async () => {
    const firewalls = ['edge-1', 'edge-2', 'edge-3'];
    const { until, copies, writers, time, server } = worldOf(3, firewalls);
    for (const [at, copy] of copies.entries()) copy.wallJump = [-36_000_000, 0, 36_000_000][at] ?? 0;
    await until(120_000);
    // Nobody takes what lives for dead, nor hands it on for ever.
    const epochs = (): unknown => [...server.objects.values()].map(({ spec }) => spec.leaseTransitions);
    const [before, all] = [epochs(), firewalls.map(writers)];
    expect(all.map((one) => one.length)).toEqual([1, 1, 1]);
    await until(240_000);
    expect([epochs(), firewalls.map(writers)]).toEqual([before, all]);
    // Nor what is dead for alive.
    for (const victim of copies.slice(1)) {
      victim.kill();
      await until(time.now + 20_000);
      expect(firewalls.map((name) => writers(name).length)).toEqual([1, 1, 1]);
    }
    expect(firewalls.flatMap(writers)).toEqual(['copy-0', 'copy-0', 'copy-0']);
  });

  test('a suspended machine, whose monotonic clock stood still, writes nothing before it has renewed', async () => {
    const { until, copies } = worldOf(1, ['edge-1']);
    const [only] = copies as [Copy];
    await until(60_000);
    expect(only.writes('edge-1')).toBe(true);
    only.wallJump += 60_000;
    expect(only.writes('edge-1')).toBe(false);
  });

  test.each([
    ['deleted', undefined],
    ['emptied', { holderIdentity: '' }],
    ['given to somebody', { holderIdentity: 'bob' }],
    ['filled with garbage', { holderIdentity: 7, leaseTransitions: 'many', renewTime: {} }],
    ['set to the last number there is', { leaseTransitions: 2 ** 31 - 1 }],
    ['set back', { leaseTransitions: 0 }],
  ])('a Lease that is %s by a hand: never two, and soon one again', async (_, spec) => {
    const { until, copies, writers, time, server } = worldOf(3, ['edge-1']);
    await until(60_000);
    for (let round = 0; round < 3; round++) {
      if (spec === undefined) server.objects.delete(nameOf('edge-1'));
      else server.edit(nameOf('edge-1'), (lease) => Object.assign(lease.spec, spec));
      await until(time.now + 22_000);
      expect(writers('edge-1')).toHaveLength(1);
    }
    expect(copies.length).toBe(3);
  });

  test('a copy whose share nobody else will have keeps it, without a move every minute', async () => {
    const { until, copies, writers, time, server } = worldOf(2, ['edge-1', 'edge-2']);
    const [, other] = copies as [Copy, Copy];
    await until(60_000);
    // It lives, and knows of no firewall.
    other.copies.want(new Map());
    await until(time.now + 60_000);
    const before = server.writes;
    const moves = (): number =>
      Number(server.objects.get(nameOf('edge-1'))?.spec.leaseTransitions) +
      Number(server.objects.get(nameOf('edge-2'))?.spec.leaseTransitions);
    const first = moves();
    await until(time.now + 500_000);
    expect(moves() - first).toBeLessThanOrEqual(1);
    expect(server.writes).toBeGreaterThan(before);
    expect([...writers('edge-1'), ...writers('edge-2')]).toEqual(['copy-0', 'copy-0']);
  });

  test('firewalls that belong together come to one copy', async () => {
    const { until, copies, writers } = worldOf(3, []);
    const firewalls = ['canary', 'edge-1', 'edge-2', 'far-1', 'far-2'];
    const units = new Map(firewalls.map((name) => [name, name.startsWith('far') ? 'far' : 'edge']));
    for (const copy of copies) copy.copies.want(units);
    await until(200_000);
    const of = (...names: readonly string[]): number => new Set(names.flatMap(writers)).size;
    expect([of('canary', 'edge-1', 'edge-2'), of('far-1', 'far-2'), of(...firewalls)]).toEqual([1, 1, 2]);
  });

  test('a copy that learns of a later epoch on the device goes beyond it, if the Lease is its own', async () => {
    const { until, copies, time, writers } = worldOf(1, ['edge-1']);
    const [only] = copies as [Copy];
    await until(10_000);
    expect(only.copies.epoch('edge-1')?.number).toBe(1);
    only.copies.outranked('edge-1', 41);
    await until(time.now + 100);
    expect(only.copies.epoch('edge-1')?.number).toBe(42);
    only.copies.outranked('edge-1', 7);
    await until(time.now + 5_000);
    expect(only.copies.epoch('edge-1')?.number).toBe(42);
    expect(writers('edge-1')).toEqual(['copy-0']);
  });

  test('a busy copy hands nothing over', async () => {
    const firewalls = ['edge-1', 'edge-2', 'edge-3', 'edge-4'];
    const { until, copies, writers, start } = worldOf(1, firewalls);
    const [first] = copies as [Copy];
    first.busy = true;
    start('copy-1');
    await until(120_000);
    expect(firewalls.flatMap(writers)).toEqual(firewalls.map(() => 'copy-0'));
    first.busy = false;
    await until(150_000);
    expect(firewalls.flatMap(writers)).toContain('copy-1');
  });

  test('the Lease of a firewall that is gone is removed, and that of a copy that is gone too', async () => {
    const { until, copies, server, start } = worldOf(1, ['edge-1']);
    const [first] = copies as [Copy];
    const second = start('copy-1');
    await until(30_000);
    second.kill();
    first.copies.want(new Map());
    await until(150_000);
    expect([...server.objects.keys()]).toEqual([leasePlace('copy', 'prod', 'copy-0').name]);
  });
});

/** Something that befalls a copy, or the Leases. */
const mishaps = fc.array(
  fc.record({
    at: fc.integer({ min: 5_000, max: 200_000 }),
    copy: fc.nat(3),
    what: fc.constantFrom(
      'stop',
      'stop',
      'partition',
      'partition',
      'deaf',
      'slow',
      'kill',
      'jump',
      'delete',
      'edit',
      'empty',
      'beat',
      'busy',
    ),
    ms: fc.integer({ min: 100, max: 45_000 }),
    firewall: fc.nat(1),
  }),
  { maxLength: 14 },
);

const starts = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 4_000 }),
    rate: fc.double({ min: 0.99, max: 1.01, noNaN: true }),
    seed: fc.nat(1_000),
  }),
  { minLength: 2, maxLength: 4 },
);

describe('any number of copies, whatever befalls them', () => {
  test('never two may write, and in the end each firewall has its one writer', { timeout: PATIENCE_MS }, async () => {
    const firewalls = ['edge-1', 'edge-2'];
    await fc.assert(
      fc.asyncProperty(starts, mishaps, async (started, list) => {
        const { time, server, copies, start, until, writers, stop } = worldOf(0, firewalls);
        for (const [at, { at: when, rate, seed }] of started.entries())
          time.at(when, () => void (start(`copy-${at}`, rate, pseudoRandom(seed)).endMs = seed * 3));
        for (const { at, copy: index, what, ms, firewall } of list)
          time.at(at, () => {
            const copy = copies[index % Math.max(1, copies.length)];
            const name = nameOf(firewalls[firewall] ?? '');
            if (copy === undefined) return;
            const later = (run: () => void): void => void time.at(at + ms, run);
            const road = (change: Partial<Road>): void => {
              copy.road = { ...quickRoad, ...change };
              later(() => (copy.road = quickRoad));
            };
            if (what === 'stop') {
              stop(copy);
              later(() => copy.go());
            } else if (what === 'partition') road({ lost: () => 'there' });
            else if (what === 'deaf') road({ lost: () => 'back' });
            else if (what === 'slow') road({ there: () => ms / 3, back: () => ms / 5 });
            else if (what === 'kill' && copies.filter(({ killed }) => !killed).length > 1) copy.kill();
            else if (what === 'jump') copy.wallJump += ms * (ms % 2 === 0 ? 100 : -100);
            else if (what === 'delete') server.objects.delete(name);
            else if (what === 'edit') server.edit(name, ({ spec }) => void (spec.holderIdentity = 'bob'));
            else if (what === 'empty') server.edit(name, ({ spec }) => void (spec.holderIdentity = ''));
            else if (what === 'beat') server.objects.delete(leasePlace('copy', 'prod', copy.name).name);
            else if (what === 'busy') {
              copy.busy = true;
              later(() => (copy.busy = false));
            }
          });
        await until(260_000);
        // Everything is well again by then; a bound later each firewall has its writer.
        await until(300_000);
        for (const firewall of firewalls) expect(writers(firewall)).toHaveLength(1);
      }),
      tries(6, 2),
    );
  });
});

function pseudoRandom(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
