import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { tries } from '../../../test/kit/runs.ts';
import { allowing, world } from '../../../test/kit/worlds.ts';
import { approve, enforce } from '../../../test/kit/worker-on-memory.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import type { WorkerSettings } from './course.ts';
import { type GuardMemory, type MemoryPlace, readMemory, writeMemory } from '../guard/guard-memory.ts';
import { MemoryDevice } from '../memory/device.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { Worker } from './worker.ts';
import { soleWriter } from '../writer-lock.ts';

const OF = { cluster: 'lab', firewall: 'edge-1' };
/** Small, so that a few pods are a mass. */
const LIMIT = { percent: 25, atLeast: 3, percentPerHour: 50 };
const guarded: WorkerSettings = { ...enforce, guard: { removals: LIMIT, gains: LIMIT, quiet: [], after: [] } };
const PODS = 12;

/** As a disk: what was kept is text, and outlives whoever kept it. */
class Disk implements MemoryPlace {
  text: string | undefined;
  isFull = false;
  keeps = 0;

  load(): Promise<GuardMemory | undefined> {
    if (this.text === undefined) return Promise.resolve(undefined);
    const memory = readMemory(this.text, OF);
    return memory === undefined ? Promise.reject(new Error('damaged')) : Promise.resolve(memory);
  }

  keep(memory: GuardMemory): Promise<void> {
    this.keeps += 1;
    if (this.isFull) return Promise.reject(new Error('the disk is full'));
    this.text = writeMemory(memory, OF);
    return Promise.resolve();
  }
}

type State = 'absent' | 'narrow' | 'wide' | 'out';
/** Everything that may happen; a pod that is absent and comes back is another pod with the same address. */
type Happening =
  | { readonly what: 'become'; readonly pods: readonly number[]; readonly state: State }
  | { readonly what: 'restart' }
  | { readonly what: 'pass'; readonly minutes: number }
  | { readonly what: 'fill'; readonly isFull: boolean }
  | { readonly what: 'damage' };

const pods = fc.uniqueArray(fc.nat(PODS - 1), { minLength: 1, maxLength: PODS });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('become' as const),
      pods,
      state: fc.constantFrom<State>('absent', 'narrow', 'wide', 'out'),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ what: 'restart' as const }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('pass' as const), minutes: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('fill' as const), isFull: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ what: 'damage' as const }) },
);

const address = (pod: number): string => `10.0.0.${pod + 1}`;

/** One firewall, its disk, and pods; whoever works at it may die. */
class Border {
  readonly clock = new FakeClock();
  readonly device = new MemoryDevice([]);
  readonly disk = new Disk();
  readonly #settings: WorkerSettings;
  readonly #states = new Map<number, State>();
  readonly #owners = new Map<number, string>();
  #born = 0;
  worker: Worker;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    this.worker = this.#start();
  }

  #start(): Worker {
    const worker = new Worker({
      ...OF,
      driver: new MemoryDriver(this.device),
      settings: this.#settings,
      clock: this.clock,
      log: silentLog,
      lock: soleWriter,
      memory: this.disk,
    });
    worker.start();
    return worker as unknown as Worker;
  }

  become(pod: number, state: State): void {
    const before = this.#states.get(pod) ?? 'absent';
    if (before === 'absent' && state !== 'absent') this.#owners.set(pod, `pod-${this.#born++}`);
    if (state === 'absent') this.#owners.delete(pod);
    this.#states.set(pod, state);
  }

  async settle(): Promise<void> {
    const present = [...this.#states].filter(([, state]) => state === 'narrow' || state === 'wide');
    const classes = [allowing('narrow', '203.0.113.0/25', 443), allowing('wide', '203.0.113.0/24', 443)];
    const ruleset = world(Object.fromEntries(present.map(([pod, state]) => [address(pod), state])), classes);
    this.worker.desire({ kind: 'ruleset', ruleset, owners: this.owners() });
    await this.worker.settled();
  }

  async restart(): Promise<void> {
    await this.worker.stop();
    this.worker = this.#start();
    await this.settle();
  }

  owners(): BucketMap<string> {
    return BucketMap.from([...this.#owners].map(([pod, owner]) => [address(pod), owner]));
  }

  /** What the device lets each address do; `undefined`: it does not know it, so that it may do nothing. */
  holds(): ReadonlyMap<string, string> {
    return new Map(this.device.read().program.tables.get('members')?.entries() ?? []);
  }
}

const WORTH: Readonly<Record<string, number>> = { narrow: 1, wide: 2 };
const HOUR_MS = 3_600_000;

/**
 * Says what was taken from, and given to, those who were known and still are, by looking at the device alone, and complains of what is more
 * than the guard may let pass. Shares no code with it.
 */
class Watchman {
  readonly #border: Border;
  #held: ReadonlyMap<string, string> = new Map();
  #owners: BucketMap<string> = BucketMap.empty();
  readonly #hours: Record<'gained' | 'lost', { readonly owner: string; readonly at: number }[]> = {
    gained: [],
    lost: [],
  };

  constructor(border: Border) {
    this.#border = border;
  }

  look(): void {
    const { clock } = this.#border;
    const now = this.#border.holds();
    const owners = this.#border.owners();
    const known = this.#held.size;
    const found: Record<'gained' | 'lost', Set<string>> = { gained: new Set(), lost: new Set() };
    for (const [at, before] of this.#held) {
      const owner = this.#owners.get(at);
      if (owner === undefined || owners.get(at) !== owner) continue;
      const worth = WORTH[now.get(at) ?? ''] ?? 0;
      const was = WORTH[before] ?? 0;
      if (worth > was) found.gained.add(owner);
      if (worth < was) found.lost.add(owner);
    }
    for (const direction of ['gained', 'lost'] as const) {
      const hour = this.#hours[direction].filter(({ at }) => at > clock.monotonic() - HOUR_MS);
      const changed = found[direction];
      for (const owner of changed) hour.push({ owner, at: clock.monotonic() });
      this.#hours[direction] = hour;
      const inHour = new Set(hour.map(({ owner }) => owner)).size;
      if (changed.size === 0) continue;
      expect(changed.size < LIMIT.atLeast || (100 * changed.size) / known <= LIMIT.percent, direction).toBe(true);
      expect(inHour < LIMIT.atLeast || (100 * inHour) / known <= LIMIT.percentPerHour, `${direction} in an hour`).toBe(
        true,
      );
    }
    // Whatever waits: an address that nobody owns may do nothing.
    for (const at of now.keys()) expect(owners.has(at), at).toBe(true);
    this.#held = now;
    this.#owners = owners;
  }
}

describe('restarts at any step', () => {
  test('never let more pass than the limits do, and never keep what was given up', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 4, maxLength: 30 }), async (story) => {
        const border = new Border(guarded);
        const watchman = new Watchman(border);
        for (let pod = 0; pod < PODS; pod++) border.become(pod, pod % 2 === 0 ? 'narrow' : 'wide');
        await border.settle();
        watchman.look();
        for (const one of story) {
          if (one.what === 'become') for (const pod of one.pods) border.become(pod, one.state);
          else if (one.what === 'restart') await border.restart();
          else if (one.what === 'fill') border.disk.isFull = one.isFull;
          else if (one.what === 'damage') border.disk.text = border.disk.text?.slice(0, -5);
          else border.clock.advance(one.minutes * 60_000);
          await border.settle();
          watchman.look();
        }
        await border.worker.stop();
      }),
      { ...tries(150, 25), endOnFailure: true },
    );
  });

  test('let the hour go on: what passed before counts after', async () => {
    const border = new Border(guarded);
    for (let pod = 0; pod < PODS; pod++) border.become(pod, 'narrow');
    await border.settle();
    const widened = async (...which: readonly number[]): Promise<number> => {
      for (const pod of which) border.become(pod, 'wide');
      await border.settle();
      return [...border.holds().values()].filter((one) => one === 'wide').length;
    };
    expect(await widened(0, 1, 2)).toBe(3);
    await border.restart();
    expect(await widened(3, 4, 5)).toBe(6);
    await border.restart();
    expect(await widened(6, 7, 8)).toBe(6);
    expect(border.worker.status().waiting?.reasons.join()).toContain('within an hour, more than 50 %');
    border.clock.advance(HOUR_MS + 60_000);
    await border.settle();
    expect(await widened()).toBe(9);
    await border.worker.stop();
  });

  test('a memory that is damaged makes the guard strict for an hour, and is written anew', async () => {
    const border = new Border(guarded);
    for (let pod = 0; pod < PODS; pod++) border.become(pod, 'narrow');
    await border.settle();
    border.become(0, 'wide');
    await border.settle();
    border.disk.text = '{"version":2}\n';
    for (let times = 0; times < 2; times++) {
      await border.restart();
      border.become(1, 'wide');
      await border.settle();
      expect(border.holds().get(address(1))).toBe('narrow');
      expect(border.worker.status().waiting?.reasons.join()).toMatch(/within the last hour/);
    }
    border.clock.advance(HOUR_MS + 60_000);
    await border.settle();
    expect(border.holds().get(address(1))).toBe('wide');
    await border.worker.stop();
  });

  test('what cannot be kept does not pass, but what was given up leaves and newcomers join', async () => {
    const border = new Border(guarded);
    for (let pod = 0; pod < PODS; pod++) border.become(pod, 'narrow');
    await border.settle();
    border.disk.isFull = true;
    border.become(0, 'wide');
    border.become(1, 'absent');
    await border.settle();
    expect([border.holds().get(address(0)), border.holds().has(address(1))]).toEqual(['narrow', false]);
    expect(border.worker.status().waiting?.reasons.join()).toContain('cannot be kept: the disk is full');
    border.become(1, 'wide');
    await border.settle();
    expect(border.holds().get(address(1))).toBe('wide');
    border.disk.isFull = false;
    border.clock.advance(120_000);
    await border.settle();
    expect(border.holds().get(address(0))).toBe('wide');
    await border.worker.stop();
  });

  test('a yes in hand survives, and is used once', async () => {
    const border = new Border({ ...approve, guard: guarded.guard });
    border.become(0, 'narrow');
    await border.settle();
    border.device.failNext(new SallyportError('DEVICE_UNREACHABLE', 'gone'));
    border.worker.approve(border.worker.status().waiting?.digest ?? '', 1_000);
    await border.worker.settled();
    expect([border.holds().size, readMemory(border.disk.text ?? '', OF)?.yeses.length]).toEqual([0, 1]);
    await border.restart();
    expect(border.holds().size).toBe(1);
    expect(readMemory(border.disk.text ?? '', OF)?.yeses).toEqual([]);
    await border.worker.stop();
  });

  test('a yes stands for what is left of its plan where the process died within it', async () => {
    const border = new Border({ ...approve, approve: 'Everything', guard: guarded.guard });
    const agree = async (): Promise<void> => {
      border.worker.approve(border.worker.status().waiting?.digest ?? '');
      await border.worker.settled();
    };
    for (const pod of [0, 1]) border.become(pod, 'narrow');
    await border.settle();
    await agree();
    border.become(0, 'absent');
    border.become(1, 'wide');
    border.become(2, 'wide');
    await border.settle();
    border.device.dieAt('after');
    await agree();
    expect([...border.holds().keys()]).toEqual([address(1)]);
    await border.restart();
    expect(Object.fromEntries(border.holds())).toEqual({ [address(1)]: 'wide', [address(2)]: 'wide' });
    await border.worker.stop();
  });

  test.each([
    [3_599_000, 1],
    [3_600_000, 0],
    [-1, 0],
  ])('a yes of %d ms ago lets %d through', async (ageMs, through) => {
    const border = new Border({ ...approve, guard: guarded.guard });
    border.become(0, 'narrow');
    await border.settle();
    const digest = border.worker.status().waiting?.digest ?? '';
    border.disk.text = writeMemory({ hour: [], yeses: [[digest, border.clock.wall() - ageMs]], unsureUntil: 0 }, OF);
    await border.restart();
    expect(border.holds().size).toBe(through);
    await border.worker.stop();
  });
});
