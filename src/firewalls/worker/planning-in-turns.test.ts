import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { world } from '../../../test/kit/worlds.ts';
import type { Pieces } from '../../base/pieces.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type MemoryPlace, fleetingMemory } from '../guard/guard-memory.ts';
import { MemoryDevice } from '../memory/device.ts';
import { type MemoryActual, MemoryDriver, type MemoryStep, type MemoryTranslation } from '../memory/memory-driver.ts';
import { Worker } from './worker.ts';
import { soleWriter } from '../writer-lock.ts';

/** Each piece of its planning takes longer than a turn. */
class SlowDriver extends MemoryDriver {
  readonly #clock: FakeClock;
  /** Plans that are under way. */
  planning = 0;
  /** What was asked for without having been foreseen. */
  unforeseen = 0;
  #isForeseeing = false;
  /** Called when the guard asks what a class lets through. */
  asked = (): void => {};
  /** Called when the device has been read, before the answer is there. */
  read = (): void => {};

  constructor(device: MemoryDevice, clock: FakeClock) {
    super(device);
    this.#clock = clock;
  }

  override async observe(signal: AbortSignal): Promise<MemoryActual> {
    const actual = await super.observe(signal);
    this.read();
    return actual;
  }

  *translating(desired: Ruleset): Pieces<MemoryTranslation> {
    return yield* this.#slowly(() => this.translate(desired));
  }

  *stepping(actual: MemoryActual, wanted: MemoryTranslation): Pieces<readonly MemoryStep[]> {
    return yield* this.#slowly(() => this.steps(actual, wanted));
  }

  override translate(desired: Ruleset): MemoryTranslation {
    if (!this.#isForeseeing) this.unforeseen++;
    const translation = super.translate(desired);
    const { behaviour } = translation;
    const allowed: typeof behaviour.allowed = (id, family) => {
      this.#clock.advance(20);
      this.asked();
      return behaviour.allowed(id, family);
    };
    return { ...translation, behaviour: { ...behaviour, allowed } };
  }

  *#slowly<T>(work: () => T): Pieces<T> {
    this.planning++;
    for (let piece = 0; piece < 3; piece++) {
      this.#clock.advance(20);
      yield;
    }
    this.planning--;
    this.#isForeseeing = true;
    const made = work();
    this.#isForeseeing = false;
    return made;
  }
}

function setUp(memory: MemoryPlace = fleetingMemory) {
  const clock = new FakeClock();
  const device = new MemoryDevice([]);
  const driver = new SlowDriver(device, clock);
  const confirmed: number[] = [];
  const options = { cluster: 'lab', firewall: 'edge-1', settings: enforce, clock, log: silentLog, lock: soleWriter };
  const worker = new Worker({
    ...options,
    driver,
    memory,
    events: { confirmed: (version) => confirmed.push(version) },
  });
  worker.start();
  const members = (): readonly string[] => [...(device.read().program.tables.get('members')?.keys() ?? [])].sort();
  const wish = (addresses: readonly string[]): void =>
    worker.desire({ kind: 'ruleset', ruleset: world(Object.fromEntries(addresses.map((one) => [one, 'bank']))) });
  return { clock, device, driver, worker, members, wish, confirmed };
}

describe('plans that take longer than a turn of the event loop', () => {
  test('let others have theirs, and nothing is worked out twice', async () => {
    const { driver, worker, members, wish } = setUp();
    wish(['10.0.0.1']);
    let seen = 0;
    for (let turn = 0; turn < 30; turn++) {
      await setImmediate();
      if (driver.planning > 0) seen++;
    }
    await worker.settled();
    expect(seen).toBeGreaterThan(3);
    expect(driver.unforeseen).toBe(0);
    expect(members()).toEqual(['10.0.0.1']);
    await worker.stop();
  });

  test('whoever comes while the device is read goes along', async () => {
    const both = ['10.0.0.1', '10.0.0.2'];
    const [late, atOnce] = [setUp(), setUp()];
    late.driver.read = () => {
      late.driver.read = () => {};
      late.wish(both);
    };
    late.wish(['10.0.0.1']);
    atOnce.wish(both);
    for (const { worker } of [late, atOnce]) await worker.settled();
    expect(late.members()).toEqual(both);
    expect(late.device.writes).toBe(atOnce.device.writes);
    for (const { worker } of [late, atOnce]) await worker.stop();
  });

  test('nothing is written where it is not known any more what is wanted once the device has been read', async () => {
    const { device, driver, worker, wish } = setUp();
    driver.read = () => worker.desire({ kind: 'unknown', reason: 'a kind was lost' });
    wish(['10.0.0.1']);
    await worker.settled();
    expect(device.writes).toBe(0);
    await worker.stop();
  });

  test('nothing is written once mode Observe was said meanwhile', async () => {
    const { driver, worker, members, wish } = setUp();
    wish(['10.0.0.1']);
    while (driver.planning === 0) await setImmediate();
    worker.configure({ ...enforce, mode: 'Observe' });
    await worker.settled();
    expect(members()).toEqual([]);
    await worker.stop();
  });

  test('what the guard was asked under settings that were edited meanwhile is not done', async () => {
    const { driver, worker, members, wish } = setUp();
    wish(['10.0.0.1']);
    await worker.settled();
    driver.asked = () => worker.configure({ ...enforce, mode: 'Approve', approve: 'Everything' });
    wish(['10.0.0.1', '10.0.0.2']);
    await worker.settled();
    expect(members()).toEqual(['10.0.0.1']);
    expect(worker.status().waiting?.reasons).toEqual(['mode Approve waits for a yes to everything']);
    await worker.stop();
  });

  test('nor while what it let pass is kept', async () => {
    let kept = (): void => {};
    const { worker, members, wish } = setUp({ load: async () => undefined, keep: async () => kept() });
    wish(['10.0.0.1', '10.0.0.2']);
    await worker.settled();
    kept = () => worker.configure({ ...enforce, mode: 'Approve', approve: 'Everything' });
    wish(['10.0.0.2']);
    await worker.settled();
    expect(members()).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(worker.status().waiting?.reasons).toEqual(['mode Approve waits for a yes to everything']);
    await worker.stop();
  });

  test('whatever is wished meanwhile: the last wish is what the device holds, and each is confirmed', {
    timeout: PATIENCE_MS,
  }, async () => {
    const addresses = fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']);
    const event = fc.record({ addresses, turns: fc.nat(9) });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 8 }), async (events) => {
        const { worker, members, wish, confirmed } = setUp();
        for (const one of events) {
          wish(one.addresses);
          for (let turn = 0; turn < one.turns; turn++) await setImmediate();
        }
        await worker.settled();
        await turns();
        expect(members()).toEqual([...(events.at(-1)?.addresses ?? [])].sort());
        expect(confirmed).toEqual(events.map((_, at) => at + 1));
        await worker.stop();
      }),
      tries(20),
    );
  });

  test('a worker that is stopped meanwhile ends', async () => {
    const { driver, worker, members, wish } = setUp();
    wish(['10.0.0.1']);
    while (driver.planning === 0) await setImmediate();
    await worker.stop();
    expect(members()).toEqual([]);
  });
});
