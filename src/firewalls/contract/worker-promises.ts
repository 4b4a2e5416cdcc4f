import { PATIENCE_MS } from '../../../test/kit/runs.ts';
import { afterEach, expect, vi } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import type { Packet } from '../../../test/kit/ruleset-oracle.ts';
import { crowd, passing, world } from '../../../test/kit/worlds.ts';
import { silentLog } from '../../base/log.ts';
import type { Class, Ruleset } from '../../border/ruleset.ts';
import type { Fate } from '../../plan/fate.ts';
import type { WorkerSettings } from '../worker/course.ts';
import { Worker } from '../worker/worker.ts';
import { TimedLock, type WriterLock, soleWriter } from '../writer-lock.ts';
import { type AnyDriver, type DriverHarness, Killable, type Promised, behaviourNow, bring, fates } from './harness.ts';

const limit = { percent: 20, atLeast: 10, percentPerHour: 50 };
const enforce: WorkerSettings = {
  mode: 'Enforce',
  approve: 'Rules',
  drift: 'Repair',
  guard: { removals: limit, gains: limit, quiet: [], after: [] },
};
/** Everything may change at once. */
const gentle: WorkerSettings = {
  ...enforce,
  guard: {
    ...enforce.guard,
    removals: { percent: 100, atLeast: 1_000, percentPerHour: 100 },
    gains: { percent: 100, atLeast: 1_000, percentPerHour: 100 },
  },
};
/** What the suite gives to its parts. */
export interface ContractContext {
  readonly harness: () => DriverHarness;
  /** A driver on the device with nothing of ours on it. */
  readonly fresh: () => Promise<AnyDriver>;
  readonly promise: (promised: Promised, what: string, body: () => Promise<void>, patienceMs?: number) => void;
}

/** What a test may choose about its worker. */
interface WorkerChoices {
  readonly settings?: WorkerSettings;
  readonly clock?: FakeClock;
  readonly lock?: WriterLock;
}

/** A dozen hands, and for each a device that is written anew and mended: over HTTPS some thousands of requests. */
const HANDS_MS = 4 * PATIENCE_MS;
/** Three hours, in which each of two looks at its device every twenty seconds: over HTTPS some thousands of requests. */
const LOOKS_MS = 4 * PATIENCE_MS;
const plain = world({ ...crowd(3, 'bank'), '10.0.1.1': 'shop' });

/** The promises that a driver keeps together with the worker. */
export function workerPromises({ harness, fresh, promise }: ContractContext): void {
  const workers: Worker[] = [];
  const workerOn = (driver: AnyDriver, choices: WorkerChoices = {}): Worker => {
    const { settings = enforce, clock = new FakeClock(), lock = soleWriter } = choices;
    const worker = new Worker({
      cluster: 'lab',
      firewall: 'edge-1',
      driver,
      settings,
      clock,
      log: silentLog,
      lock,
    });
    workers.push(worker);
    worker.start();
    return worker;
  };
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  });

  promise('2 no act on ignorance', 'a worker that is told nothing, unknown or frozen writes nothing', async () => {
    const driver = await fresh();
    await bring(driver, world(crowd(5, 'bank')));
    const held = await harness().ours();
    const killable = new Killable(harness().connect());
    const worker = workerOn(killable);
    await worker.settled();
    worker.desire({ kind: 'unknown', reason: 'no source has delivered' });
    await worker.settled();
    worker.desire({ kind: 'frozen', reason: 'the source is lost' });
    await worker.settled();
    await worker.stop();
    expect(killable.sent).toBe(0);
    expect(await harness().ours()).toBe(held);
  });

  promise('4 no mass accident', 'losses and gains of many wait, addresses that are given up do not', async () => {
    await fresh();
    const worker = workerOn(harness().connect());
    const first = packetFrom('10.0.0.1');
    const wish = async (ruleset: Ruleset): Promise<Fate | undefined> => {
      worker.desire({ kind: 'ruleset', ruleset });
      await worker.settled();
      return fates(await behaviourNow(harness().connect()), [first])[0];
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
    expect((await behaviourNow(harness().connect())).senders.size).toBe(0);
    await worker.stop();
  });

  promise(
    '6 the truth is read back',
    'a worker finds every hand edit, tells it and repairs it',
    async () => {
      for (let variant = 0; ; variant++) {
        const worker = workerOn(await fresh());
        worker.desire({ kind: 'ruleset', ruleset: plain });
        await worker.settled();
        const held = await harness().ours();
        const hand = await harness().tamper(variant);
        if (hand === false) return;
        await waitFor(worker, `variant ${variant}`, async () => {
          if (hand === true) {
            expect(worker.status().repairs).toBeGreaterThan(0);
            expect(worker.status().drift.length).toBeGreaterThan(0);
          }
          expect(worker.status().conditions[0]).toMatchObject({ type: 'Ready', status: true });
          expect(await harness().ours()).toBe(held);
        });
        await worker.stop();
      }
    },
    HANDS_MS,
  );

  promise(
    '6 the truth is read back',
    'a hand edit that is only to be shown stays until somebody says yes',
    async () => {
      const worker = workerOn(await fresh(), { settings: { ...enforce, drift: 'Show' } });
      worker.desire({ kind: 'ruleset', ruleset: plain });
      await worker.settled();
      const held = await harness().ours();
      await harness().tamper(0);
      const edited = await harness().ours();
      await waitFor(worker, 'the edit is found', () =>
        expect(worker.status().conditions).toContainEqual(expect.objectContaining({ type: 'Drifted', status: true })),
      );
      expect(await harness().ours()).toBe(edited);
      worker.approve(worker.status().waiting?.plan().digest ?? '');
      await waitFor(worker, 'the yes is followed', async () => expect(await harness().ours()).toBe(held));
    },
  );

  promise(
    '8 one writer',
    'two installations with one name do not fight for ever, say so, and the one that stays alone wins',
    async () => {
      await fresh();
      const LOOKS = 180;
      const clock = new FakeClock();
      const drivers = [new Killable(harness().connect()), new Killable(harness().connect())] as const;
      const [one, other] = drivers.map((driver) => workerOn(driver, { clock, settings: gentle })) as [Worker, Worker];
      one.desire({ kind: 'ruleset', ruleset: world(crowd(3, 'bank')) });
      await one.settled();
      other.desire({ kind: 'ruleset', ruleset: world(crowd(3, 'shop')) });
      /** Resolves with the share of looks after which either says so. */
      const hour = async (): Promise<number> => {
        let said = 0;
        for (let look = 0; look < LOOKS; look++) {
          clock.advance(3_600_000 / LOOKS);
          for (const worker of [one, other]) {
            worker.nudge();
            await worker.settled();
          }
          const conditions = [one, other].flatMap((worker) => worker.status().conditions);
          if (conditions.some(({ reason }) => reason === 'RIVAL_WRITER')) said++;
        }
        return said / LOOKS;
      };
      const said = await hour();
      const sent = drivers[0].sent + drivers[1].sent;
      expect(sent).toBeGreaterThan(2);
      // Right after it has overruled the other neither knows better, and on a busy machine that is heard a little later.
      expect(said).toBeGreaterThan(0.7);
      await hour();
      // Each overrules the other once in ten minutes; a change takes some steps.
      expect(drivers[0].sent + drivers[1].sent - sent).toBeLessThanOrEqual(16 * 4);
      await other.stop();
      await hour();
      expect(one.status().conditions[0]).toMatchObject({ type: 'Ready', status: true });
    },
    LOOKS_MS,
  );

  promise('8 one writer', 'a worker that slept longer than its lock writes nothing', async () => {
    const clock = new FakeClock();
    const lock = new TimedLock(clock, 10_000);
    lock.renewed(clock.monotonic(), 30_000);
    await fresh();
    const killable = new Killable(harness().connect());
    const worker = workerOn(killable, { clock, lock });
    worker.desire({ kind: 'ruleset', ruleset: world(crowd(3, 'bank')) });
    await worker.settled();
    const { sent } = killable;
    expect(sent).toBeGreaterThan(0);
    clock.advance(25_000);
    await bring(harness().connect(), world(crowd(2, 'shop')));
    const held = await harness().ours();
    worker.desire({ kind: 'ruleset', ruleset: world(crowd(4, 'bank')) });
    await worker.settled();
    await worker.stop();
    expect(killable.sent).toBe(sent);
    expect(await harness().ours()).toBe(held);
  });
}

/** Devices tell of changes when they please: nudges the worker until the expectation holds. */
async function waitFor(worker: Worker, what: string, expectation: () => Promise<void> | void): Promise<void> {
  const look = async (): Promise<void> => {
    worker.nudge();
    await worker.settled();
    await expectation();
  };
  await vi.waitFor(look, { timeout: 10_000, interval: 20 }).catch((thrown: unknown) => {
    throw new Error(what, { cause: thrown });
  });
}

function denying(id: string): Class {
  const part = { id, stages: [], otherwise: 'Deny', otherwiseOrigin: { policy: 'layer/unselected' } } as const;
  return { id, family: 4, parts: [part], widened: [] };
}

function packetFrom(source: string): Packet {
  return { family: 4, source, destination: '203.0.113.7', protocol: 6, sourcePort: 50_000, destinationPort: 443 };
}
