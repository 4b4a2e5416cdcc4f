import fc from 'fast-check';
import { expect } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { rulesets as drawn } from '../../../test/kit/rulesets.ts';
import { toSallyportError } from '../../base/error.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { Session } from '../worker/session.ts';
import { TimedLock, type WriterLock } from '../writer-lock.ts';
import { type AnyDriver, Killable, bring, stepsOf } from './harness.ts';
import type { ContractContext } from './worker-promises.ts';

const signal = new AbortController().signal;
/** Longer than any right to write lasts. */
const ASLEEP_MS = 60_000;

/**
 * A right to write whose process is stopped right before the `after`-th time that it is asked for, for longer than the right lasts. Whoever
 * asks right before each request cannot send what comes then.
 */
function lapsing(after: number): WriterLock {
  const clock = new FakeClock();
  const lock = new TimedLock(clock, 10_000);
  lock.renewed(clock.monotonic(), 30_000);
  let asked = 0;
  return {
    held: () => {
      if (asked++ === after) clock.advance(ASLEEP_MS);
      return lock.held();
    },
    onChange: () => () => undefined,
  };
}

/** Carries out steps as a worker does, until it is refused; with what. */
async function carryOut(session: Session<never, never, never>, steps: readonly never[]): Promise<string> {
  try {
    for (const step of steps) await session.apply(step);
    return 'done';
  } catch (thrown) {
    return toSallyportError(thrown).code;
  }
}

/**
 * Requests that a driver still sends after its process lost its right to write, which happened when `lapse` of them had arrived. None from
 * one that asks right before each.
 */
export async function sentAfterLapse(
  driver: AnyDriver,
  wanted: Ruleset,
  received: () => number,
  lapse: number,
): Promise<number> {
  const begin = received();
  const lock = { held: () => received() - begin < lapse, onChange: () => () => undefined };
  const session = new Session(driver, lock, new FakeClock(), signal) as Session<never, never, never>;
  await carryOut(session, (await stepsOf(driver, wanted)) as readonly never[]);
  return Math.max(0, received() - begin - lapse);
}

/** Invariant 8 where a process sleeps (SIGSTOP, a suspended machine) for longer than its right to write lasts. */
export function sleepingWriter(
  { harness, fresh, promise }: ContractContext,
  runs: number,
  rulesets: () => fc.Arbitrary<Ruleset> = drawn,
): void {
  const check = (body: (worlds: readonly [Ruleset, Ruleset, Ruleset], asked: number) => Promise<void>): Promise<void> =>
    fc.assert(fc.asyncProperty(fc.tuple(rulesets(), rulesets(), rulesets()), fc.nat(4), body), {
      numRuns: Math.ceil(runs / 2),
      endOnFailure: runs < 20,
    });
  /** With another copy that has brought the device to what it wants, and knows it. */
  const succeeded = async (now: Ruleset): Promise<{ readonly other: AnyDriver; readonly held: string }> => {
    const other = harness().connect();
    await bring(other, now);
    return { other, held: await harness().ours() };
  };

  promise('8 one writer', 'one that slept between two requests of its plan sends nothing when it wakes up', () =>
    check(async ([old, late, now], asked) => {
      await bring(await fresh(), old);
      const sleeper = new Killable(harness().connect());
      const session = new Session(sleeper, lapsing(asked), new FakeClock(), signal) as Session<never, never, never>;
      const steps = (await stepsOf(sleeper, late)) as readonly never[];
      const ended = await carryOut(session, steps);
      // With requests left it was refused by its own right, and by nothing that a device would have to say.
      expect(ended).toBe(sleeper.sent === steps.length && ended === 'done' ? 'done' : 'NOT_THE_WRITER');
      expect(sleeper.sent).toBeLessThanOrEqual(asked);
      const { held } = await succeeded(now);
      if (ended === 'done') return;
      const { sent } = sleeper;
      expect(await carryOut(session, steps)).toBe(steps.length === 0 ? 'done' : 'NOT_THE_WRITER');
      expect(sleeper.sent).toBe(sent);
      expect(await harness().ours()).toBe(held);
    }),
  );

  promise('8 one writer', 'one that slept within a step, between two of its requests, sends no other', () =>
    check(async ([old, late], lapse) => {
      const driver = await fresh();
      await bring(driver, old);
      const received = harness().received?.bind(harness());
      if (received !== undefined) expect(await sentAfterLapse(harness().connect(), late, received, lapse)).toBe(0);
    }),
  );

  promise('8 one writer', 'one whose right lapsed gives out nothing to those who fetch from it', async () => {
    await fresh();
    const clock = new FakeClock();
    const lock = new TimedLock(clock, 10_000);
    lock.renewed(clock.monotonic(), 30_000);
    const given = await harness().givesOut?.(lock);
    if (given === undefined) return;
    expect(given()).toBeDefined();
    clock.advance(ASLEEP_MS);
    expect(given()).toBeUndefined();
    lock.renewed(clock.monotonic(), 30_000);
    expect(given()).toBeDefined();
  });

  promise(
    '8 one writer',
    'what was on its way when it fell asleep is refused, or put right by the copy that came after it',
    () =>
      check(async ([old, late, now]) => {
        await bring(await fresh(), old);
        const sleeper = harness().connect();
        const [step] = await stepsOf(sleeper, late);
        const { other, held } = await succeeded(now);
        if (step === undefined) return;
        // It arrives late, and twice: somebody in between tried again.
        for (let arrival = 0; arrival < 2; arrival++) await sleeper.apply(step, signal).catch(() => undefined);
        await bring(other, now);
        expect(await harness().ours()).toBe(held);
        expect(await stepsOf(other, now)).toEqual([]);
      }),
  );
}
