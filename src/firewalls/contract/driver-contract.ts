import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Packet, fateOf, worstCases } from '../../../test/kit/ruleset-oracle.ts';
import { type RulesetOptions, rulesetPairs, rulesets as drawn, withOtherMembers } from '../../../test/kit/rulesets.ts';
import { everyPacket } from '../../../test/kit/universe.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';
import { SallyportError } from '../../base/error.ts';
import type { Class, Ruleset } from '../../border/ruleset.ts';
import type { AbilityDriver } from '../abilities.ts';
import { type Fate, fateUnder } from '../../plan/fate.ts';
import type { Exposure } from '../../plan/step.ts';
import { abilityPromises } from './abilities.ts';
import {
  type AnyDriver,
  Death,
  type DriverHarness,
  Killable,
  type Promised,
  behaviourNow,
  bring,
  clear,
  fates,
  sameFate,
  stepsOf,
  translationOf,
} from './harness.ts';
import { sleepingWriter } from './sleeping-writer.ts';
import { workerPromises } from './worker-promises.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';

export interface ContractOptions {
  /** What a driver cannot promise, and why, in a sentence. */
  readonly exempt?: Partial<Readonly<Record<Promised, string>>>;
  /** Random worlds for each property; small where each costs a device's time. */
  readonly runs: number;
  /** What rulesets are drawn from: all that the device can say. What it refuses of the rest has tests of its own. Default: everything. */
  readonly draws?: RulesetOptions;
  /** Its column in the table of drivers; absent: people have no such firewall. */
  readonly says?: AbilityDriver;
  /** What of that column this release of the device cannot say, by title. */
  readonly lacks?: readonly string[];
}

const packets = everyPacket();
const signal = new AbortController().signal;

/**
 * The suite that every driver passes on its device or simulator: each invariant with a test that tries to break it. What a driver
 * cannot promise stands in its test file with the reason.
 */
export function driverContract(name: string, make: () => Promise<DriverHarness>, options: ContractOptions): void {
  const { runs, exempt = {}, draws = {} } = options;
  describe(`driver contract: ${name}`, () => {
    let harness: DriverHarness;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(async () => {
      await harness?.close();
    });
    const rulesets = (more: RulesetOptions = {}): fc.Arbitrary<Ruleset> => drawn({ ...draws, ...more });
    const promise = (promised: Promised, what: string, body: () => Promise<void>, patienceMs = PATIENCE_MS): void => {
      const reason = exempt[promised];
      if (reason === undefined) test(`${promised}: ${what}`, body, patienceMs);
      else test.skip(`${promised}: ${what} (exempt: ${reason})`, body);
    };
    /** A driver on the device with nothing of ours on it. */
    const fresh = async (): Promise<AnyDriver> => {
      const driver = harness.connect();
      await clear(driver);
      return driver;
    };

    /** Where a device cannot say all that may be drawn: only worlds of which it refuses nothing. */
    const sayable = async (...all: readonly Ruleset[]): Promise<void> => {
      if (options.draws === undefined) return;
      const driver = harness.connect();
      const capabilities = await driver.capabilities(signal);
      for (const ruleset of all) {
        await driver.prepare?.(ruleset, capabilities, signal);
        fc.pre(driver.translate(ruleset, capabilities).refusals.length === 0);
      }
    };

    if (options.says !== undefined) abilityPromises(options.says, () => harness, fresh, options.lacks);
    workerPromises({ harness: () => harness, fresh, promise });
    sleepingWriter({ harness: () => harness, fresh, promise }, runs, rulesets);

    promise('0 does what the ruleset says', 'every packet has the fate that the ruleset gives it, read back', () =>
      check(rulesets(), runs, async (ruleset) => {
        await sayable(ruleset);
        await bring(await fresh(), ruleset);
        const read = await behaviourNow(harness.connect());
        expectFates(fates(read, packets), packets, ruleset);
      }),
    );

    promise('0 does what the ruleset says', 'hostile names give exactly the intended rules', () =>
      check(rulesets({ hostile: true }), runs, async (ruleset) => {
        await sayable(ruleset);
        const foreign = await harness.foreign();
        await bring(await fresh(), ruleset);
        expectFates(fates(await behaviourNow(harness.connect()), packets), packets, ruleset);
        expect(await harness.foreign()).toBe(foreign);
      }),
    );

    promise(
      '0 one state, however it was reached',
      'the device and the text of the next step do not depend on the path',
      () =>
        check(fc.tuple(rulesets(), rulesets(), rulesets()), runs, async ([detour, ruleset, next]) => {
          const driver = await fresh();
          await bring(driver, ruleset);
          const straight = await harness.ours();
          const texts = (await stepsOf(driver, next)).map((step) => driver.render(step));
          await bring(driver, detour);
          await bring(driver, ruleset);
          expect(await harness.ours()).toBe(straight);
          expect((await stepsOf(driver, next)).map((step) => driver.render(step))).toEqual(texts);
        }),
    );

    promise('0 members change no rule', 'addresses that join, leave and move are no rules', () =>
      check(pairOfMembers(draws), runs, async ([old, now]) => {
        const driver = await fresh();
        await bring(driver, old);
        const kinds = (await stepsOf(driver, now)).map(({ kind }) => kind);
        expect(kinds).not.toContain('Rules');
        expect(kinds).not.toContain('Remove');
      }),
    );

    promise('1 no hole on the way', 'after each step every packet has its old or its new fate', () =>
      check(rulesetPairs(draws), runs, async ([old, now]) => {
        await sayable(old, now);
        const driver = await fresh();
        await bring(driver, old);
        for (const step of await stepsOf(driver, now)) {
          await driver.apply(step, signal);
          expectBetween(fates(await behaviourNow(harness.connect()), packets), old, now, step.title, step.exposes);
        }
      }),
    );

    promise('1 no hole on the way', 'the same holds from an empty device and back to it', () =>
      check(rulesets(), runs, async (ruleset) => {
        await sayable(ruleset);
        const driver = await fresh();
        for (const step of await stepsOf(driver, ruleset)) {
          await driver.apply(step, signal);
          expectBetween(fates(await behaviourNow(harness.connect()), packets), undefined, ruleset, step.title);
        }
        await bring(driver, ruleset);
        for (const step of driver.leave(await driver.observe(signal), ruleset)) {
          await driver.apply(step, signal);
          expectBetween(fates(await behaviourNow(harness.connect()), packets), undefined, ruleset, step.title);
        }
      }),
    );

    promise('3 only what is ours', 'a random walk leaves every foreign object as it was', () =>
      check(
        fc.array(fc.option(rulesets({ hostile: true }), { freq: 4 }), { minLength: 3, maxLength: 6 }),
        Math.ceil(runs / 3),
        async (walk) => {
          const foreign = await harness.foreign();
          expect(foreign).not.toBe('');
          const driver = await fresh();
          for (const ruleset of walk) {
            if (ruleset === null) await clear(driver);
            else await bring(driver, ruleset);
            expect(await harness.foreign()).toBe(foreign);
          }
        },
      ),
    );

    promise('3 only what is ours', 'leaving leaves nothing of ours', () =>
      check(rulesets(), Math.ceil(runs / 3), async (ruleset) => {
        const driver = await fresh();
        const bare = await harness.ours();
        await bring(driver, ruleset);
        await clear(driver);
        expect(await harness.ours()).toBe(bare);
        expect((await harness.connect().observe(signal)).empty).toBe(true);
      }),
    );

    promise(
      '5 one bad thing harms only itself',
      'a rule that the device cannot say narrows its own classes and touches no other',
      () =>
        check(rulesets({ domains: true }), runs, async (ruleset) => {
          const driver = await fresh();
          const { refusals } = await translationOf(driver, ruleset);
          // What else a device cannot say harms whom it is about, and is not told from this.
          fc.pre(refusals.every(({ message }) => message.includes('domain')));
          await bring(driver, ruleset);
          const behaviour = await behaviourNow(harness.connect());
          const read = fates(behaviour, packets);
          const wrong = packets.filter((packet, at) => {
            const one = ruleset.classes.get(ruleset.members.get(packet.source) ?? '');
            const fate = read[at];
            if (fate === undefined) return true;
            if (one === undefined || !speaksOfDomains(one)) return !sameFate(fate, fateOf(ruleset, packet));
            return (
              fate.passes && worstCases(ruleset, packet).some((resolves) => !fateOf(ruleset, packet, resolves).passes)
            );
          });
          expect(wrong).toEqual([]);
          // A rule that decides nothing here may go unsaid; one whose absence anybody could notice may not.
          // Where the device knows names, it is asked with all of them leading to the packet's destination, too.
          const names = [...ruleset.classes.values()].flatMap(domainsOf);
          const noticed = packets.some((packet) =>
            [false, true].some(
              (there) =>
                fateUnder(behaviour, packet, there ? names : []).passes !== fateOf(ruleset, packet, () => there).passes,
            ),
          );
          if (noticed) expect(refusals.length).toBeGreaterThan(0);
          for (const { object } of refusals) expect(object).toEqual(expect.any(String));
        }),
    );

    const plain = world({ ...crowd(3, 'bank'), '10.0.1.1': 'shop' });
    promise(
      '6 the truth is read back',
      'every hand edit, also one made while nobody looked, is seen and undone',
      async () => {
        for (let variant = 0; ; variant++) {
          await bring(await fresh(), plain);
          const held = await harness.ours();
          if (!(await harness.tamper(variant))) return expect(variant).toBeGreaterThan(2);
          expect(await harness.ours(), `variant ${variant}`).not.toBe(held);
          await bring(harness.connect(), plain);
          expect(await harness.ours(), `variant ${variant}`).toBe(held);
        }
      },
    );

    const deaths = fc.oneof(
      fc.constantFrom('unsent' as const, 'unanswered' as const),
      fc.nat(12).map((cutAfterMs) => ({ cutAfterMs })),
    );
    promise('7 death is harmless', 'no hole stays, and the next start gets there and then writes nothing', () =>
      check(fc.tuple(rulesetPairs(draws), fc.nat(3), deaths), runs, async ([[old, now], lives, last]) => {
        await sayable(old, now);
        await bring(await fresh(), now);
        const goal = await harness.ours();
        await clear(harness.connect());
        await bring(harness.connect(), old);
        const doomed = new Killable(harness.connect(), lives, last);
        await bring(doomed, now).catch((thrown: unknown) => {
          if (!(thrown instanceof Death)) throw thrown;
        });
        const read = fates(await behaviourNow(harness.connect()), packets);
        expectBetween(read, old, now, 'death', doomed.exposed);
        await bring(harness.connect(), now);
        expect(await harness.ours()).toBe(goal);
        expect(await stepsOf(harness.connect(), now)).toEqual([]);
      }),
    );

    promise(
      '8 one writer',
      'a step that was made before another copy wrote is refused, and the other copy’s work stands',
      () =>
        check(fc.tuple(rulesets(), rulesets(), rulesets()), Math.ceil(runs / 2), async ([old, late, now]) => {
          await bring(await fresh(), old);
          const sleeper = harness.connect();
          const [step] = await stepsOf(sleeper, late);
          if ((await bring(harness.connect(), now)) === 0 || step === undefined) return;
          const held = await harness.ours();
          const refused = await sleeper.apply(step, signal).then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          expect(refused).toBeInstanceOf(SallyportError);
          expect(refused).toMatchObject({ blame: 'conflict' });
          expect(await harness.ours()).toBe(held);
        }),
    );
  });
}

function check<T>(arbitrary: fc.Arbitrary<T>, numRuns: number, body: (value: T) => Promise<void>): Promise<void> {
  return fc.assert(fc.asyncProperty(arbitrary, body), { ...tries(numRuns), endOnFailure: numRuns < 10 });
}

function expectFates(read: readonly Fate[], list: readonly Packet[], ruleset: Ruleset): void {
  // One expectation for all: thousands of packets each time.
  const wrong = list.flatMap((packet, at) => {
    const [fate, said] = [read[at], fateOf(ruleset, packet)];
    return fate !== undefined && sameFate(fate, said) ? [] : [{ packet, fate, said }];
  });
  expect(wrong).toEqual([]);
}

/**
 * Each packet has its fate under one of two rulesets; `undefined`: a device with nothing of ours. `exposed`: what was declared to be
 * neither, in its direction alone.
 */
function expectBetween(
  read: readonly Fate[],
  old: Ruleset | undefined,
  now: Ruleset,
  when: string,
  exposed?: Exposure,
): void {
  for (const [at, packet] of packets.entries()) {
    const before: Fate = old === undefined ? { passes: true, from: undefined } : fateOf(old, packet);
    const after = fateOf(now, packet);
    const fate = read[at];
    if (fate !== undefined && (sameFate(fate, before) || sameFate(fate, after))) continue;
    const isDeclared = exposed?.direction === 'open' || (exposed?.direction === 'closed' && fate?.passes === false);
    if (!isDeclared) throw new Error(`after "${when}": ${JSON.stringify({ packet, fate, before, after })}`);
  }
}

function pairOfMembers(draws: RulesetOptions): fc.Arbitrary<readonly [Ruleset, Ruleset]> {
  return drawn({ ...draws, addressGroups: false }).chain((one) => fc.tuple(fc.constant(one), withOtherMembers(one)));
}

function speaksOfDomains(one: Class): boolean {
  return domainsOf(one).length > 0;
}

function domainsOf(one: Class): readonly string[] {
  const stages = [...one.parts, ...one.widened].flatMap((part) => part.stages);
  return stages.flatMap((stage) => stage.rules.flatMap((rule) => rule.outside.domains));
}
