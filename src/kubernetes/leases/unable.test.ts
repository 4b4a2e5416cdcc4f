import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Copy, LeaseServer, Referee, TrueTime } from '../../../test/kit/lease-world.ts';
import { leasePlace } from './lease.ts';
import { shareOut } from './shares.ts';

const FIREWALLS = ['here', 'far-1', 'far-2'];
const UNITS = new Map(FIREWALLS.map((name) => [name, name]));
const HERE: ReadonlySet<string> = new Set(['here']);
/** A firewall that nobody has is spoken of when its Lease has been free for so long, and a look or two. */
const SPOKEN_OF_MS = 30_000 + 6_000;

/** Copies on one server; those whose name begins with `pod` cannot work at the firewall `here`. */
function world() {
  const time = new TrueTime();
  const server = new LeaseServer();
  const referee = new Referee();
  const copies: Copy[] = [];
  const start = (name: string, units: ReadonlyMap<string, string> = UNITS): Copy => {
    const copy = new Copy(name, time, server);
    copies.push(copy);
    copy.copies.want(units, name.startsWith('pod') ? HERE : new Set());
    return copy;
  };
  const until = (end: number): Promise<void> => time.run(end, () => referee.look(time.now, FIREWALLS, copies));
  const writers = (firewall: string): readonly string[] =>
    copies.filter((copy) => copy.writes(firewall)).map(({ name }) => name);
  const speakers = (): readonly string[] =>
    copies.filter((copy) => !copy.killed && copy.copies.isUnkept('here')).map(({ name }) => name);
  const leave = async (copy: Copy): Promise<void> => {
    for (const lock of copy.locks.values()) lock.lost();
    copy.heldAt.clear();
    const closed = copy.copies.close();
    await until(time.now + 1_000);
    await closed;
    copy.kill();
  };
  const epoch = (firewall: string): unknown =>
    server.objects.get(leasePlace('firewall', 'prod', firewall).name)?.spec.leaseTransitions;
  return { time, start, until, writers, speakers, leave, epoch };
}

describe('a firewall that some copies cannot work at where they are', () => {
  // By its name alone a copy's share may be the firewall, or not.
  test.each(['a', 'b', 'c', 'd'])(
    'is left to one that can, whoever is there first, and stays there: %s',
    async (machine) => {
      const { time, start, until, writers, speakers, epoch } = world();
      start('pod-1');
      start('pod-2');
      await until(20_000);
      expect([writers('here'), writers('far-1').length, writers('far-2').length]).toEqual([[], 1, 1]);
      start(machine);
      await until(time.now + 40_000);
      expect([writers('here'), epoch('here'), speakers()]).toEqual([[machine], 1, []]);
      // Long enough for everything that is handed over again and again.
      await until(time.now + 700_000);
      expect([writers('here'), epoch('here'), speakers()]).toEqual([[machine], 1, []]);
    },
  );

  test('has no more of the others than its share, if it has this one', async () => {
    const { start, until, writers } = world();
    start('machine');
    await until(5_000);
    expect(FIREWALLS.map((name) => writers(name)[0])).toEqual(['machine', 'machine', 'machine']);
    start('pod-1');
    await until(200_000);
    const held = FIREWALLS.map((name) => writers(name)[0]);
    expect([held[0], held.filter((name) => name === 'pod-1').length]).toEqual(['machine', 1]);
  });

  test('is spoken of by one copy while nobody has it, by another when that one is gone, and by nobody once somebody has it', async () => {
    const { time, start, until, writers, speakers, leave } = world();
    const pods = [start('pod-1'), start('pod-2'), start('pod-3')];
    await until(25_000);
    expect(speakers()).toEqual([]);
    await until(time.now + 15_000 + SPOKEN_OF_MS - 25_000);
    expect(speakers()).toEqual(['pod-1']);
    await until(time.now + 300_000);
    expect(speakers()).toEqual(['pod-1']);
    pods[0]?.kill();
    await until(time.now + 20_000);
    expect(speakers()).toEqual(['pod-2']);
    const machine = start('machine');
    // With company a Lease that was never there counts as held for its time.
    await until(time.now + 20_000);
    expect([writers('here'), speakers()]).toEqual([['machine'], []]);
    // A restart is nothing to speak of.
    await leave(machine);
    await until(time.now + 20_000);
    expect([writers('here'), speakers()]).toEqual([[], []]);
    await until(time.now + SPOKEN_OF_MS - 20_000);
    expect(speakers()).toEqual(['pod-2']);
  });

  test('is not spoken of by a copy that has not seen the Leases for a while', async () => {
    const { time, start, until, speakers } = world();
    const pod = start('pod-1');
    await until(60_000);
    expect(speakers()).toEqual(['pod-1']);
    pod.road = { there: () => 5, back: () => 5, lost: () => 'there' };
    await until(time.now + 20_000);
    expect(speakers()).toEqual([]);
  });

  test('is let go of by a copy that can no more, because it is described otherwise, and taken by one that can', async () => {
    const { time, start, until, writers, epoch } = world();
    const pod = start('pod-1');
    pod.copies.want(UNITS);
    await until(5_000);
    expect(writers('here')).toEqual(['pod-1']);
    pod.copies.want(UNITS, HERE);
    await until(time.now + 5_000);
    expect(writers('here')).toEqual([]);
    start('machine');
    await until(time.now + 60_000);
    expect([writers('here'), epoch('here')]).toEqual([['machine'], 2]);
  });

  test('brings those that wait for it to the copy that can', async () => {
    const { time, start, until, writers } = world();
    const together = new Map([...UNITS, ['far-1', 'here']]);
    start('pod-1', together);
    await until(20_000);
    expect([writers('here'), writers('far-1')]).toEqual([[], ['pod-1']]);
    start('machine', together);
    await until(time.now + 120_000);
    expect([writers('here'), writers('far-1')]).toEqual([['machine'], ['machine']]);
  });
});

test('shares go to copies that can have them, each to one, and to nobody beyond his share but what others cannot have', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { maxLength: 12 });
  const copies = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(names, copies, fc.func(fc.boolean()), (firewalls, takers, may) => {
      const can = (firewall: string, copy: string): boolean => may(firewall, copy);
      const shares = shareOut(firewalls, takers, can);
      expect([...shares.keys()].toSorted()).toEqual(firewalls.toSorted());
      const share = Math.ceil(firewalls.length / takers.length);
      const bound = new Map<string, number>();
      const all = new Map<string, number>();
      for (const [firewall, copy] of shares) {
        const able = takers.filter((one) => can(firewall, one));
        if (able.length > 0) expect(able).toContain(copy);
        const isBound = able.length > 0 && able.length < takers.length;
        all.set(copy, (all.get(copy) ?? 0) + 1);
        if (isBound) bound.set(copy, (bound.get(copy) ?? 0) + 1);
      }
      for (const [copy, count] of all) expect(count).toBeLessThanOrEqual(Math.max(share, bound.get(copy) ?? 0));
      expect(shareOut(firewalls.toReversed(), takers.toReversed(), can)).toEqual(shares);
    }),
  );
});
