import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { everyPacket } from '../../../test/kit/universe.ts';
import { deadline } from '../../base/deadline.ts';
import { SallyportError } from '../../base/error.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Fate } from '../../plan/fate.ts';
import type { BadDay, BadDaysHarness } from './bad-days-harness.ts';
import { ownersDays } from './bad-days-of-owners.ts';
import { type AnyDriver, behaviourNow, bring, fates, sameFate, stepsOf, translationOf } from './harness.ts';

export interface BadDaysWorlds {
  /** What the device holds when the day begins, and what is wished then. */
  readonly before: Ruleset;
  readonly after: Ruleset;
  /** What another cluster wishes on the same device. */
  readonly others: Ruleset;
}

const packets = everyPacket();
const MOST_WRITES = 200;
/** Deaths are spread over so many tests: there are some twenty requests, and three ways there and back for each of them. */
const SHARES = [1, 2, 3, 4];

/**
 * Every bad day, for each driver of a device with an API: nothing of others changes, nothing opens that neither the old nor the new rules
 * open, and the next run gets there and then writes nothing. `exempt`: what a device does not have, with the reason.
 */
export function badDays(
  name: string,
  make: () => Promise<BadDaysHarness>,
  { before, after, others }: BadDaysWorlds,
  exempt: Partial<Readonly<Record<BadDay, string>>> = {},
): void {
  describe(`bad days: ${name}`, () => {
    let harness: BadDaysHarness;
    let goal: string;
    let foreign: string;
    let old: readonly Fate[];
    let next: readonly Fate[];
    /** What the device does, where it can be asked, is one of these. */
    const expectItself = (allowed: (at: number) => readonly (Fate | undefined)[]): void => {
      const itself = harness.passing?.();
      for (const [at, packet] of packets.entries()) {
        const said = itself?.(packet);
        for (const passes of [said ?? []].flat())
          if (!allowed(at).some((fate) => fate?.passes === passes))
            throw new Error(JSON.stringify({ packet, itself: said, allowed: allowed(at) }));
      }
    };
    beforeAll(async () => {
      harness = await make();
      foreign = harness.foreign();
      const driver = harness.connect();
      [old, next] = [await wantedFates(driver, before), await wantedFates(driver, after)];
      await bring(driver, after);
      goal = harness.ours();
      expectItself((at) => [next[at]]);
    });
    afterAll(async () => {
      await harness?.close();
    });

    /** Whatever happened: nobody else's is touched, each packet has its old or its new fate, and the next process gets there. */
    const expectSound = async (): Promise<void> => {
      expect(harness.foreign()).toBe(foreign);
      const driver = harness.connect();
      for (const [at, fate] of fates(await behaviourNow(driver), packets).entries())
        if (!sameFate(fate, old[at] ?? fate) && !sameFate(fate, next[at] ?? fate))
          throw new Error(JSON.stringify({ packet: packets[at], fate, before: old[at], after: next[at] }));
      expectItself((at) => [old[at], next[at]]);
      const known = new Set([before, after].flatMap(sharedMembers));
      expect(harness.members().filter((member) => !known.has(member))).toEqual([]);
      await bring(driver, after);
      expect(harness.ours()).toBe(goal);
      expect(await stepsOf(driver, after)).toEqual([]);
      expect(harness.foreign()).toBe(foreign);
    };
    const days: readonly BadDay[] = [
      'another certificate',
      'the token has ended',
      'rights were taken away',
      'somebody holds a lock',
      'the commit fails',
      'it boots between two steps',
      'every volatile table is emptied',
      'it is full',
      'it answers slowly',
      'an answer is cut off',
      'an answer is lost',
      'a request arrives twice',
      'another firmware speaks another dialect',
    ];
    for (const day of days) {
      const reason = exempt[day];
      if (reason !== undefined) {
        test.skip(`${day} (exempt: ${reason})`, () => undefined);
        continue;
      }
      test(day, async () => {
        await bring(harness.connect(), before);
        const driver = harness.connect();
        const steps = await stepsOf(driver, after);
        const happening = harness.happening(day);
        await happening.begin();
        const said = await carryOut(driver, steps, happening.patienceMs);
        await happening.end();
        expect(happening.says, said.message).toContain(said.code);
        await harness.recover();
        await expectSound();
      });
    }

    test('somebody edits ours by hand between plan and step, in every way', async () => {
      for (let variant = 0; ; variant++) {
        await bring(harness.connect(), before);
        const driver = harness.connect();
        const steps = await stepsOf(driver, after);
        if (!(await harness.tamper(variant))) return expect(variant).toBeGreaterThan(2);
        const { code, message } = await carryOut(driver, steps);
        expect(['done', 'DEVICE_CHANGED', 'DEVICE_REJECTED'], `${variant}: ${message}`).toContain(code);
        await bring(driver, after);
        expect(harness.ours(), `${variant}`).toBe(goal);
        expect(await stepsOf(driver, after)).toEqual([]);
        expect(harness.foreign(), `${variant}`).toBe(foreign);
      }
    });

    ownersDays({ harness: () => harness, goal: () => goal, foreign: () => foreign, before, after });

    const deaths = (['unsent', 'unanswered'] as const).flatMap((how) => SHARES.map((first) => [how, first] as const));
    test.each(deaths)(
      `the process dies at every request, which is %s: request %i, and every ${SHARES.length}th after it`,
      async (how, first) => {
        const other = harness.connect();
        for (let n = first; n < MOST_WRITES; n += SHARES.length) {
          await bring(other, before);
          const driver = harness.connect();
          const steps = await stepsOf(driver, after);
          harness.dieAt(n, how);
          const { code } = await carryOut(driver, steps);
          await harness.recover();
          await expectSound();
          if (code === 'done') return;
        }
        throw new Error(`${MOST_WRITES} requests were not enough`);
      },
    );

    test('two clusters share it, and neither touches what the other has', async () => {
      await bring(harness.connect(), after);
      await bring(harness.connect('other'), others);
      expect(harness.ours()).toBe(goal);
      expect(await stepsOf(harness.connect(), after)).toEqual([]);
      const both = harness.foreign();
      await bring(harness.connect(), before);
      await bring(harness.connect(), after);
      expect(harness.foreign()).toBe(both);
      const other = harness.connect('other');
      for (let round = 0; round < 6; round++)
        for (const step of other.leave(await other.observe(signal), { cluster: 'other', firewall: 'edge-1' }))
          await other.apply(step, signal);
      expect(harness.ours()).toBe(goal);
      expect(harness.foreign()).toBe(foreign);
    });
  });
}

const signal = new AbortController().signal;

async function wantedFates(driver: AnyDriver, ruleset: Ruleset): Promise<readonly Fate[]> {
  return fates((await translationOf(driver, ruleset)).behaviour, packets);
}

/** Addresses in AddressGroups, which rules of others name. */
function sharedMembers({ groups }: Ruleset): readonly string[] {
  return [...groups.values()].flatMap((group) => (group.kind === 'AddressGroup' ? [...group.members.keys()] : []));
}

async function carryOut(
  driver: AnyDriver,
  steps: readonly Parameters<AnyDriver['apply']>[0][],
  patienceMs = 10_000,
): Promise<{ readonly code: string; readonly message: string }> {
  try {
    for (const step of steps) {
      using limit = deadline(signal, patienceMs, 'DEVICE_UNREACHABLE');
      await driver.apply(step, limit.signal);
    }
    return { code: 'done', message: '' };
  } catch (thrown) {
    if (!(thrown instanceof SallyportError)) throw thrown;
    return thrown;
  }
}
