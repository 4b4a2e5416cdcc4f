import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { type Packet, fateOf } from '../../../test/kit/ruleset-oracle.ts';
import { rulesetPairs, rulesets, withOtherMembers } from '../../../test/kit/rulesets.ts';
import { everyPacket } from '../../../test/kit/universe.ts';
import { crowd, passing, world } from '../../../test/kit/worlds.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import type { Class, Ruleset } from '../../border/ruleset.ts';
import type { Fate } from '../../plan/fate.ts';
import type { WorkerSettings } from '../course.ts';
import { Worker } from '../worker.ts';
import { TimedLock, type WriterLock, soleWriter } from '../writer-lock.ts';
import {
  type AnyDriver,
  Death,
  type DriverHarness,
  Killable,
  behaviourNow,
  bring,
  clear,
  fates,
  sameFate,
  stepsOf,
} from './harness.ts';

/** The promises of design section 9, by number, and what follows from them. */
export type Promised =
  | '0 does what the ruleset says'
  | '0 one state, however it was reached'
  | '0 members change no rule'
  | '1 no hole on the way'
  | '2 no act on ignorance'
  | '3 only what is ours'
  | '4 no mass accident'
  | '5 one bad thing harms only itself'
  | '6 the truth is read back'
  | '7 death is harmless'
  | '8 one writer';

export interface ContractOptions {
  /** What a driver cannot promise, and why, in a sentence. */
  readonly exempt?: Partial<Readonly<Record<Promised, string>>>;
  /** Random worlds for each property; small where each costs a device's time. */
  readonly runs: number;
}

const limit = { percent: 20, atLeast: 10, percentPerHour: 50 };
const enforce: WorkerSettings = {
  mode: 'Enforce',
  approve: 'Rules',
  drift: 'Repair',
  guard: { removals: limit, gains: limit, quiet: [], after: [] },
};
/** What a test may choose about its worker. */
interface WorkerChoices {
  readonly settings?: WorkerSettings;
  readonly clock?: FakeClock;
  readonly lock?: WriterLock;
}

const packets = everyPacket();
const signal = new AbortController().signal;

/**
 * The suite that every driver passes on its device or simulator: each invariant with a test that tries to break it. What a driver
 * cannot promise stands in its test file with the reason.
 */
export function driverContract(name: string, make: () => Promise<DriverHarness>, options: ContractOptions): void {
  const { runs, exempt = {} } = options;
  describe(`driver contract: ${name}`, () => {
    let harness: DriverHarness;
    const workers: Worker[] = [];
    const workerOn = (driver: AnyDriver, choices: WorkerChoices = {}): Worker => {
      const { settings = enforce, clock = new FakeClock(), lock = soleWriter } = choices;
      const worker = new Worker({ firewall: 'edge-1', driver, settings, clock, log: silentLog, lock });
      workers.push(worker);
      worker.start();
      return worker;
    };
    beforeAll(async () => {
      harness = await make();
    });
    afterEach(async () => {
      await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    });
    afterAll(async () => {
      await harness.close();
    });
    const promise = (promised: Promised, what: string, body: () => Promise<void>): void => {
      const reason = exempt[promised];
      if (reason === undefined) test(`${promised}: ${what}`, body);
      else test.skip(`${promised}: ${what} (exempt: ${reason})`, body);
    };
    /** A driver on the device with nothing of ours on it. */
    const fresh = async (): Promise<AnyDriver> => {
      const driver = harness.connect();
      await clear(driver);
      return driver;
    };

    promise('0 does what the ruleset says', 'every packet has the fate that the ruleset gives it, read back', () =>
      check(rulesets(), runs, async (ruleset) => {
        await bring(await fresh(), ruleset);
        const read = await behaviourNow(harness.connect());
        expectFates(fates(read, packets), packets, ruleset);
      }),
    );

    promise('0 does what the ruleset says', 'hostile names give exactly the intended rules', () =>
      check(rulesets({ hostile: true }), runs, async (ruleset) => {
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
      check(pairOfMembers(), runs, async ([old, now]) => {
        const driver = await fresh();
        await bring(driver, old);
        const kinds = (await stepsOf(driver, now)).map(({ kind }) => kind);
        expect(kinds).not.toContain('Rules');
        expect(kinds).not.toContain('Remove');
      }),
    );

    promise(
      '1 no hole on the way',
      'after each step every packet has its old or its new fate, and the agreed one where they agree',
      () =>
        check(rulesetPairs(), runs, async ([old, now]) => {
          const driver = await fresh();
          await bring(driver, old);
          const before = packets.map((packet) => fateOf(old, packet));
          const after = packets.map((packet) => fateOf(now, packet));
          for (const step of await stepsOf(driver, now)) {
            await driver.apply(step, signal);
            if (step.exposes !== undefined) continue;
            const read = fates(await behaviourNow(harness.connect()), packets);
            for (const [at, fate] of read.entries()) {
              const allowed = [before[at], after[at]].filter((one) => one !== undefined);
              if (!allowed.some((one) => sameFate(one, fate)))
                throw new Error(
                  `after "${step.title}": ${JSON.stringify({ packet: packets[at], fate, old: before[at], new: after[at] })}`,
                );
            }
          }
        }),
    );

    promise('1 no hole on the way', 'the same holds from an empty device and back to it', () =>
      check(rulesets(), runs, async (ruleset) => {
        const driver = await fresh();
        const untouched: Fate = { passes: true, from: undefined };
        const wanted = packets.map((packet) => fateOf(ruleset, packet));
        const expectBetween = async (): Promise<void> => {
          const read = fates(await behaviourNow(harness.connect()), packets);
          for (const [at, fate] of read.entries())
            expect(
              sameFate(fate, untouched) || sameFate(fate, wanted[at] ?? untouched),
              JSON.stringify(packets[at]),
            ).toBe(true);
        };
        for (const step of await stepsOf(driver, ruleset)) {
          await driver.apply(step, signal);
          await expectBetween();
        }
        await bring(driver, ruleset);
        for (const step of driver.leave(await driver.observe(signal))) {
          await driver.apply(step, signal);
          await expectBetween();
        }
      }),
    );

    promise('2 no act on ignorance', 'a worker that is told nothing, unknown or frozen writes nothing', async () => {
      const driver = await fresh();
      await bring(driver, world(crowd(5, 'bank')));
      const held = await harness.ours();
      const killable = new Killable(harness.connect());
      const worker = workerOn(killable);
      await worker.settled();
      worker.desire({ kind: 'unknown', reason: 'no source has delivered' });
      await worker.settled();
      worker.desire({ kind: 'frozen', reason: 'the source is lost' });
      await worker.settled();
      await worker.stop();
      expect(killable.sent).toBe(0);
      expect(await harness.ours()).toBe(held);
    });

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

    promise('4 no mass accident', 'losses and gains of many wait, addresses that are given up do not', async () => {
      await fresh();
      const worker = workerOn(harness.connect());
      const first = packetFrom('10.0.0.1');
      const wish = async (ruleset: Ruleset): Promise<Fate | undefined> => {
        worker.desire({ kind: 'ruleset', ruleset });
        await worker.settled();
        return fates(await behaviourNow(harness.connect()), [first])[0];
      };
      expect(await wish(world(crowd(40, 'bank')))).toMatchObject({ passes: true });
      expect(await wish(world(crowd(40, 'bank'), [denying('bank')]))).toMatchObject({ passes: true });
      expect(worker.status().waiting?.reasons.join()).toContain('lose');
      worker.approve(worker.status().waiting?.plan().digest ?? '');
      await worker.settled();
      expect(await wish(world(crowd(40, 'bank'), [denying('bank')]))).toMatchObject({ passes: false });
      expect(await wish(world(crowd(40, 'bank'), [passing('bank')]))).toMatchObject({ passes: false });
      expect(worker.status().waiting?.reasons.join()).toContain('gain');
      await wish(world({}, [denying('bank')]));
      expect((await behaviourNow(harness.connect())).senders.size).toBe(0);
      await worker.stop();
    });

    promise(
      '5 one bad thing harms only itself',
      'a rule that the device cannot say narrows its own classes and touches no other',
      () =>
        check(rulesets({ domains: true }), runs, async (ruleset) => {
          const driver = await fresh();
          const { refusals } = driver.translate(ruleset, await driver.capabilities(signal));
          await bring(driver, ruleset);
          const read = fates(await behaviourNow(harness.connect()), packets);
          for (const [at, packet] of packets.entries()) {
            const one = ruleset.classes.get(ruleset.members.get(packet.source) ?? '');
            const plain = one === undefined || !speaksOfDomains(one);
            const said = fateOf(ruleset, packet);
            const fate = read[at];
            if (plain) expect(fate, JSON.stringify(packet)).toEqual(said);
            else if (fate?.passes === true) expect(said.passes, JSON.stringify(packet)).toBe(true);
          }
          if ([...ruleset.classes.values()].some(speaksOfDomains)) expect(refusals.length).toBeGreaterThan(0);
          for (const { object, message } of refusals)
            expect([object, message]).toEqual([expect.any(String), expect.stringMatching(/domain/)]);
        }),
    );

    promise('6 the truth is read back', 'every hand edit is found, told and repaired', async () => {
      const ruleset = world({ ...crowd(3, 'bank'), '10.0.1.1': 'shop' });
      for (let variant = 0; ; variant++) {
        const driver = await fresh();
        const worker = workerOn(driver);
        worker.desire({ kind: 'ruleset', ruleset });
        await worker.settled();
        const held = await harness.ours();
        if (!(await harness.tamper(variant))) {
          expect(variant).toBeGreaterThan(2);
          return;
        }
        expect(await harness.ours(), `variant ${variant} of tampering changes nothing`).not.toBe(held);
        worker.nudge();
        await worker.settled();
        expect(await harness.ours(), `variant ${variant}`).toBe(held);
        expect(worker.status().drift.length, `variant ${variant}`).toBeGreaterThan(0);
        expect(worker.status().conditions[0]).toMatchObject({ type: 'Ready', status: true });
        await worker.stop();
      }
    });

    promise('6 the truth is read back', 'a hand edit that is only to be shown stays as it is', async () => {
      const worker = workerOn(await fresh(), { settings: { ...enforce, drift: 'Show' } });
      worker.desire({ kind: 'ruleset', ruleset: world({ ...crowd(3, 'bank'), '10.0.1.1': 'shop' }) });
      await worker.settled();
      await harness.tamper(0);
      const edited = await harness.ours();
      worker.nudge();
      await worker.settled();
      expect(await harness.ours()).toBe(edited);
      expect(worker.status().conditions).toContainEqual(expect.objectContaining({ type: 'Drifted', status: true }));
      worker.approve(worker.status().waiting?.plan().digest ?? '');
      await worker.settled();
      expect(await harness.ours()).not.toBe(edited);
      await worker.stop();
    });

    const deaths = fc.constantFrom('unsent' as const, 'unanswered' as const);
    promise('7 death is harmless', 'whatever was sent last, the next start gets there and then writes nothing', () =>
      check(fc.tuple(rulesetPairs(), fc.nat(3), deaths), runs, async ([[old, now], lives, last]) => {
        await bring(await fresh(), now);
        const goal = await harness.ours();
        await clear(harness.connect());
        await bring(harness.connect(), old);
        const doomed = new Killable(harness.connect(), lives, last);
        await bring(doomed, now).catch((thrown: unknown) => {
          if (!(thrown instanceof Death)) throw thrown;
        });
        const heir = harness.connect();
        await bring(heir, now);
        expect(await harness.ours()).toBe(goal);
        expect(await stepsOf(harness.connect(), now)).toEqual([]);
      }),
    );

    promise(
      '7 death is harmless',
      'a request that is cut in the middle is done whole or not at all, or is taken up again',
      async () => {
        if (harness.dieInside === undefined) return;
        const [old, now] = [world(crowd(200, 'bank')), world({ ...crowd(100, 'shop'), ...crowd(100, 'bank', 1) })];
        for (let round = 0; round < 5; round++) {
          await bring(await fresh(), old);
          const dying = harness.connect();
          harness.dieInside();
          await bring(dying, now).catch(() => {});
          const read = fates(await behaviourNow(harness.connect()), packets);
          for (const [at, packet] of packets.entries())
            expect([fateOf(old, packet), fateOf(now, packet)]).toContainEqual(read[at]);
          await bring(harness.connect(), now);
          expect(await stepsOf(harness.connect(), now)).toEqual([]);
        }
      },
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

    promise('8 one writer', 'a worker that slept longer than its lock writes nothing', async () => {
      const clock = new FakeClock();
      const lock = new TimedLock(clock, 10_000);
      lock.renewed(clock.monotonic(), 30_000);
      await fresh();
      const killable = new Killable(harness.connect());
      const worker = workerOn(killable, { clock, lock });
      worker.desire({ kind: 'ruleset', ruleset: world(crowd(3, 'bank')) });
      await worker.settled();
      const { sent } = killable;
      expect(sent).toBeGreaterThan(0);
      clock.advance(25_000);
      await bring(harness.connect(), world(crowd(2, 'shop')));
      const held = await harness.ours();
      worker.desire({ kind: 'ruleset', ruleset: world(crowd(4, 'bank')) });
      await worker.settled();
      await worker.stop();
      expect(killable.sent).toBe(sent);
      expect(await harness.ours()).toBe(held);
    });
  });
}

function check<T>(arbitrary: fc.Arbitrary<T>, numRuns: number, body: (value: T) => Promise<void>): Promise<void> {
  return fc.assert(fc.asyncProperty(arbitrary, body), { numRuns, endOnFailure: numRuns < 10 });
}

function expectFates(read: readonly Fate[], list: readonly Packet[], ruleset: Ruleset): void {
  for (const [at, packet] of list.entries()) expect(read[at], JSON.stringify(packet)).toEqual(fateOf(ruleset, packet));
}

function pairOfMembers(): fc.Arbitrary<readonly [Ruleset, Ruleset]> {
  return rulesets({ addressGroups: false }).chain((one) => fc.tuple(fc.constant(one), withOtherMembers(one)));
}

function speaksOfDomains(one: Class): boolean {
  const stages = [...one.parts, ...one.widened].flatMap((part) => part.stages);
  return stages.some((stage) => stage.rules.some((rule) => rule.outside.domains.length > 0));
}

function denying(id: string): Class {
  const part = { id, stages: [], otherwise: 'Deny', otherwiseOrigin: { policy: 'layer/unselected' } } as const;
  return { id, family: 4, parts: [part], widened: [] };
}

function packetFrom(source: string): Packet {
  return { family: 4, source, destination: '203.0.113.7', protocol: 6, sourcePort: 50_000, destinationPort: 443 };
}
