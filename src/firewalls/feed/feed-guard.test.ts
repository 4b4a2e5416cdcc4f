import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { approve, enforce } from '../../../test/kit/worker-on-memory.ts';
import { passing, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { silentLog } from '../../base/log.ts';
import type { Group } from '../../border/ruleset.ts';
import type { WorkerSettings } from '../worker/course.ts';
import { type MemoryPlace, type GuardMemory } from '../guard/guard-memory.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';
import { FeedDriver } from './feed-driver.ts';
import { FeedStore } from './feed-store.ts';
import { Publication } from './publication.ts';

const OWNER = { cluster: 'lab', firewall: 'edge-1' };
const LIMIT = { percent: 25, atLeast: 3, percentPerHour: 50 };
const limited = (settings: WorkerSettings): WorkerSettings => ({
  ...settings,
  guard: { removals: LIMIT, gains: LIMIT, quiet: [], after: [] },
});
const HOUR_MS = 3_600_000;
const PODS = 12;
/** `elsewhere`: alive, and none of the workloads of this firewall, as when a BorderFirewall's `workloads` or a namespace's labels are edited. */
type State = 'absent' | 'in' | 'out' | 'elsewhere';

let root: string;
let folders = 0;
beforeAll(() => (root = mkdtempSync(join(tmpdir(), 'sallyport-feed-guard-'))));
afterAll(() => rmSync(root, { recursive: true }));

const address = (pod: number): string => `10.0.0.${pod + 1}`;

/** One list of a firewall that fetches, pods that are in it or not, and a worker that may die. */
class Border {
  readonly clock = new FakeClock();
  group: 'Allow' | 'Deny' | 'gone';
  readonly #settings: WorkerSettings;
  readonly #folder = join(root, `${folders++}`);
  readonly #states = new Map<number, State>();
  readonly #owners = new Map<number, string>();
  readonly #memory: MemoryPlace;
  #born = 0;
  #publication: Publication;
  worker: Worker;

  constructor(settings: WorkerSettings, use: 'Allow' | 'Deny') {
    let kept: GuardMemory | undefined;
    this.#memory = {
      load: () => Promise.resolve(kept),
      keep: (memory) => {
        kept = memory;
        return Promise.resolve();
      },
    };
    this.#settings = limited(settings);
    this.group = use;
    this.#publication = this.#open();
    this.worker = this.#start();
  }

  #open(): Publication {
    return new Publication(new FeedStore(this.#folder, OWNER), this.clock);
  }

  #start(): Worker {
    const driver = new FeedDriver(this.#publication, OWNER);
    const { clock } = this;
    const surroundings = { clock, log: silentLog, lock: soleWriter, memory: this.#memory };
    const worker = new Worker({ ...OWNER, driver, settings: this.#settings, ...surroundings });
    worker.start();
    return worker as unknown as Worker;
  }

  async restart(): Promise<void> {
    await this.worker.stop();
    this.#publication = this.#open();
    this.worker = this.#start();
    await this.settle();
  }

  become(state: State, ...pods: readonly number[]): void {
    for (const pod of pods) {
      const before = this.#states.get(pod) ?? 'absent';
      if (before === 'absent' && state !== 'absent') this.#owners.set(pod, `pod-${this.#born++}`);
      if (state === 'absent') this.#owners.delete(pod);
      this.#states.set(pod, state);
    }
  }

  async settle(): Promise<void> {
    const of = (...states: readonly State[]): string[] =>
      [...this.#states].filter(([, state]) => states.includes(state)).map(([pod]) => address(pod));
    const groups: Group[] =
      this.group === 'gone'
        ? []
        : ([4, 6] as const).map((family) => ({
            id: `g${family}`,
            kind: 'AddressGroup',
            family,
            deviceName: 'web',
            resource: 'AddressGroup/web',
            use: this.group === 'Deny' ? 'Deny' : 'Allow',
            members: BucketMap.from(family === 4 ? of('in').map((text) => [text, true as const]) : []),
          }));
    const members = Object.fromEntries(of('in', 'out').map((text) => [text, 'all']));
    const ruleset = world(members, [passing('all')], { groups: new Map(groups.map((group) => [group.id, group])) });
    this.worker.desire({ kind: 'ruleset', ruleset, owners: this.owners() });
    await this.worker.settled();
  }

  async approve(): Promise<void> {
    this.worker.approve(this.worker.status().waiting?.digest ?? '');
    await this.worker.settled();
  }

  owners(): BucketMap<string> {
    return BucketMap.from([...this.#owners].map(([pod, owner]) => [address(pod), owner]));
  }

  list(): readonly string[] {
    return this.#publication.lists.get('web')?.list.addresses[4] ?? [];
  }

  waits(): string {
    return this.worker.status().waiting?.reasons.join('; ') ?? '';
  }
}

const everyone = Array.from({ length: PODS }, (_, pod) => pod);

async function filled(settings: WorkerSettings, use: 'Allow' | 'Deny', inside: readonly number[]): Promise<Border> {
  const border = new Border(settings, use);
  border.become('out', ...everyone);
  border.become('in', ...inside);
  await border.settle();
  if (settings.mode === 'Approve') await border.approve();
  expect(border.list()).toHaveLength(inside.length);
  return border;
}

describe.each([false, true])('a list, and its guard; after a restart: %s', (restarts) => {
  const settle = (border: Border): Promise<void> => (restarts ? border.restart() : border.settle());

  test('that everybody would leave at once stays, but for addresses that were given up', async () => {
    const border = await filled(enforce, 'Allow', everyone);
    border.become('out', ...everyone);
    border.become('absent', 0);
    await settle(border);
    expect([border.list().length, border.waits()]).toEqual([
      PODS - 1,
      expect.stringMatching(/11 of 1[12] workloads lose traffic by the list "web"/) as string,
    ]);
    await border.approve();
    expect(border.list()).toEqual([]);
    await border.worker.stop();
  });

  test('that many would join at once stays; a few may', async () => {
    const border = await filled(enforce, 'Allow', [0, 1, 2, 3]);
    border.become('in', 4, 5);
    await settle(border);
    expect(border.list()).toHaveLength(6);
    border.become('in', 6, 7, 8, 9);
    await settle(border);
    expect([border.list().length, border.waits()]).toEqual([
      6,
      expect.stringContaining('4 of 6 workloads gain traffic by the list "web"') as string,
    ]);
    await border.worker.stop();
  });

  test('that everybody would leave at once with the firewall, or join it, stays as well', async () => {
    const leaving = await filled(enforce, 'Allow', everyone);
    leaving.become('elsewhere', ...everyone);
    leaving.become('absent', 0);
    await settle(leaving);
    expect([leaving.list().length, leaving.waits()]).toEqual([
      PODS - 1,
      expect.stringMatching(/11 of 1[12] workloads lose traffic by the list "web"/) as string,
    ]);
    await leaving.worker.stop();
    const joining = await filled(enforce, 'Allow', [0, 1, 2, 3]);
    joining.become('elsewhere', 4, 5, 6, 7);
    await joining.settle();
    joining.become('in', 4, 5, 6, 7);
    await settle(joining);
    expect([joining.list().length, joining.waits()]).toEqual([
      4,
      expect.stringContaining('4 of 4 workloads gain traffic by the list "web"') as string,
    ]);
    await joining.worker.stop();
  });

  test.each([1, 5])('that denies %d and that nobody asks for any more stays until a yes', async (count) => {
    const border = await filled(enforce, 'Deny', everyone.slice(0, count));
    border.group = 'gone';
    await settle(border);
    expect([border.list().length, border.waits()]).toEqual([
      count,
      expect.stringContaining(`denies ${count} addresses, and AddressGroup/web that asked for it is gone`) as string,
    ]);
    border.become('absent', 0);
    await settle(border);
    expect(border.list()).toHaveLength(count - 1);
    if (count > 1) await border.approve();
    expect(border.list()).toEqual([]);
    await border.worker.stop();
  });

  test('that allows a few and that nobody asks for any more becomes empty, of many after a yes', async () => {
    for (const count of [2, 8]) {
      const border = await filled(enforce, 'Allow', everyone.slice(0, count));
      border.group = 'gone';
      await settle(border);
      expect(border.list()).toHaveLength(count === 2 ? 0 : 8);
      await border.worker.stop();
    }
  });

  test('in mode Approve: members flow, a group that goes or denies from now on waits', async () => {
    const border = await filled(approve, 'Allow', [0, 1, 2, 3, 4]);
    border.become('out', 0);
    await settle(border);
    expect(border.list()).toHaveLength(4);
    border.group = 'gone';
    await settle(border);
    expect([border.list().length, border.waits()]).toEqual([4, 'mode Approve waits for a yes']);
    border.group = 'Deny';
    border.become('out', 1);
    await settle(border);
    expect([border.list().length, border.waits()]).toEqual([3, 'mode Approve waits for a yes']);
    await border.worker.stop();
  });
});

test('whoever gets the address of a member is none, whatever waits', async () => {
  const border = await filled(enforce, 'Allow', everyone);
  border.become('out', ...everyone);
  border.become('absent', 3);
  border.become('out', 3);
  await border.settle();
  expect(border.list()).toEqual(everyone.filter((pod) => pod !== 3).map(address));
  await border.worker.stop();
});

test('newcomers are no flood', async () => {
  const border = new Border(enforce, 'Allow');
  border.become('in', 0);
  await border.settle();
  border.become('in', ...everyone);
  await border.settle();
  expect(border.list()).toHaveLength(PODS);
  await border.worker.stop();
});

type Happening =
  | { readonly what: 'become'; readonly pods: readonly number[]; readonly state: State }
  | { readonly what: 'restart' | 'group' | 'gone' }
  | { readonly what: 'pass'; readonly minutes: number };
const pods = fc.uniqueArray(fc.nat(PODS - 1), { minLength: 1, maxLength: PODS });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('become' as const),
      pods,
      state: fc.constantFrom<State>('absent', 'in', 'out', 'elsewhere'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ what: fc.constantFrom('restart' as const, 'group' as const, 'gone' as const) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('pass' as const), minutes: fc.integer({ min: 1, max: 40 }) }) },
);

/** Looks at the list alone, and shares no code with the guard. */
class Watchman {
  readonly #border: Border;
  readonly #use: 'Allow' | 'Deny';
  #held: ReadonlySet<string> = new Set();
  #owners: BucketMap<string> = BucketMap.empty();
  readonly #hours: Record<'joined' | 'left', { readonly owner: string; readonly at: number }[]> = {
    joined: [],
    left: [],
  };

  constructor(border: Border, use: 'Allow' | 'Deny') {
    this.#border = border;
    this.#use = use;
  }

  look(): void {
    const { clock, group } = this.#border;
    const now = new Set(this.#border.list());
    const owners = this.#border.owners();
    const same = (at: string): boolean => owners.has(at) && this.#owners.get(at) === owners.get(at);
    const found = {
      joined: [...now].filter((at) => !this.#held.has(at) && same(at)),
      left: [...this.#held].filter((at) => !now.has(at) && same(at)),
    };
    // Whatever waits: an address that nobody owns is in no list.
    for (const at of now) expect(owners.has(at), at).toBe(true);
    if (group === 'gone') expect(found.joined).toEqual([]);
    if (group === 'gone' && this.#use === 'Deny') expect(found.left).toEqual([]);
    const known = this.#held.size;
    for (const direction of ['joined', 'left'] as const) {
      const hour = this.#hours[direction].filter(({ at }) => at > clock.monotonic() - HOUR_MS);
      const changed = found[direction];
      for (const at of changed) hour.push({ owner: owners.get(at) ?? '', at: clock.monotonic() });
      this.#hours[direction] = hour;
      if (changed.length === 0) continue;
      const inHour = new Set(hour.map(({ owner }) => owner)).size;
      const share = (count: number): number => (known === 0 ? 100 : (100 * count) / known);
      expect(changed.length < LIMIT.atLeast || share(changed.length) <= LIMIT.percent, direction).toBe(true);
      expect(inHour < LIMIT.atLeast || share(inHour) <= LIMIT.percentPerHour, `${direction} in an hour`).toBe(true);
    }
    this.#held = now;
    this.#owners = owners;
  }
}

test(
  'whatever happens, and whenever it is restarted: never more than the limits, and nothing that was given up',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('Allow' as const, 'Deny' as const),
        fc.array(happening, { minLength: 4, maxLength: 25 }),
        async (use, story) => {
          const border = await filled(enforce, use, everyone.slice(0, 8));
          const watchman = new Watchman(border, use);
          watchman.look();
          for (const one of story) {
            if (one.what === 'become') border.become(one.state, ...one.pods);
            else if (one.what === 'restart') await border.restart();
            else if (one.what === 'pass') border.clock.advance(one.minutes * 60_000);
            else border.group = one.what === 'gone' ? 'gone' : use;
            await border.settle();
            watchman.look();
          }
          await border.worker.stop();
        },
      ),
      { ...tries(60, 20), endOnFailure: true },
    );
  },
  PATIENCE_MS,
);
