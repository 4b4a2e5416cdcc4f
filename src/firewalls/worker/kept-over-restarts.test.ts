import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { RecordDisk } from '../../../test/kit/record-on-disk.ts';
import { tries } from '../../../test/kit/runs.ts';
import { approve } from '../../../test/kit/worker-on-memory.ts';
import { allowing, crowd, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Epoch } from '../../base/epoch.ts';
import type { Log } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { WorkerSettings } from './course.ts';
import { MemoryDevice } from '../memory/device.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { Worker } from './worker.ts';
import { soleWriter } from '../writer-lock.ts';

const LIMIT = { percent: 100, atLeast: 1_000, percentPerHour: 100 };
const settings: WorkerSettings = { ...approve, guard: { removals: LIMIT, gains: LIMIT, quiet: [], after: [] } };

type Owners = Readonly<Record<string, string>>;

/** A firewall, its disk, and one process after the other. */
class Border {
  readonly clock = new FakeClock();
  readonly device = new MemoryDevice([]);
  readonly disk = new RecordDisk();
  readonly told: string[] = [];
  of = { cluster: 'lab', firewall: 'edge-1', device: 'd' };
  epoch: Epoch | undefined;
  #die: () => void = () => undefined;
  worker: Worker = this.#start();

  #start(): Worker {
    const { place, die } = this.disk.open(this.of, this.epoch);
    this.#die = die;
    const note = (fields: Readonly<Record<string, unknown>>, message: string): void => {
      const { reason } = fields;
      if (message.includes('before the start')) this.told.push(typeof reason === 'string' ? reason : 'believed');
    };
    const log = { debug: note, info: note, warn: note, error: note } as unknown as Log;
    const worker = new Worker({
      cluster: 'lab',
      firewall: 'edge-1',
      driver: new MemoryDriver(this.device),
      settings,
      clock: this.clock,
      log,
      lock: soleWriter,
      record: place,
    });
    worker.start();
    return worker as unknown as Worker;
  }

  async wish(ruleset: Ruleset, owners: Owners): Promise<void> {
    this.worker.desire({ kind: 'ruleset', ruleset, owners: BucketMap.from(Object.entries(owners)) });
    await this.worker.settled();
  }

  async agree(): Promise<void> {
    this.worker.approve(this.worker.status().waiting?.digest ?? '');
    await this.worker.settled();
  }

  /** Long enough that what is confirmed is kept. */
  async pass(ms = 2_000): Promise<void> {
    this.clock.advance(ms);
    await turns();
    await this.worker.settled();
  }

  /** The process ends in order, or it is killed and nothing more of it reaches the disk. */
  async restart(how: 'stopped' | 'killed' = 'killed'): Promise<void> {
    if (how === 'killed') this.#die();
    await this.worker.stop();
    this.worker = this.#start();
  }

  members(): Readonly<Record<string, string>> {
    const rows = this.device.read().program.tables.get('members')?.entries() ?? [];
    return Object.fromEntries([...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  program(): string {
    return JSON.stringify([...this.device.read().program.objects].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const bank = allowing('bank', '203.0.113.0/24', 443);
const shop = allowing('shop', '198.51.100.0/24', 80);
const late = allowing('late', '192.0.2.0/24', 22);
const before = world({ '10.0.0.1': 'bank', '10.0.0.2': 'shop' }, [bank, shop]);
const owners = { '10.0.0.1': 'a', '10.0.0.2': 'b' };
/** Somebody wants rules that nobody approved, and there are new pods. */
const after = world({ '10.0.0.1': 'bank', '10.0.0.2': 'shop', '10.0.0.3': 'bank', '10.0.0.4': 'late' }, [
  bank,
  shop,
  late,
]);
const since = { ...owners, '10.0.0.3': 'c', '10.0.0.4': 'd' };

/** What was confirmed is on the disk. */
async function confirmed(ruleset: Ruleset = before, had: Owners = owners): Promise<Border> {
  const border = new Border();
  await border.wish(ruleset, had);
  await border.agree();
  await border.pass();
  return border;
}

describe('after a restart, while a plan waits', () => {
  test.each(['stopped', 'killed'] as const)(
    'new pods of a known class join, those of a new one do not (%s)',
    async (how) => {
      const border = await confirmed();
      await border.restart(how);
      await border.wish(after, since);
      expect(border.members()).toEqual({ '10.0.0.1': 'bank', '10.0.0.2': 'shop', '10.0.0.3': 'bank' });
      expect(border.worker.status().waiting).toBeDefined();
      expect(border.told).toEqual(['believed']);
      await border.agree();
      expect(border.members()['10.0.0.4']).toBe('late');
      await border.worker.stop();
    },
  );

  test('an address that went to somebody else meanwhile has what he may have, and nothing of the one before', async () => {
    const border = await confirmed();
    await border.restart();
    const reused = world({ '10.0.0.1': 'late', '10.0.0.2': 'bank' }, [bank, shop, late]);
    await border.wish(reused, { '10.0.0.1': 'x', '10.0.0.2': 'y' });
    expect(border.members()).toEqual({ '10.0.0.2': 'bank' });
    await border.worker.stop();
  });

  test('who is the same and goes to a class that nobody approved stays as he was', async () => {
    const border = await confirmed();
    await border.restart();
    await border.wish(world({ '10.0.0.1': 'late', '10.0.0.2': 'bank' }, [bank, shop, late]), owners);
    expect(border.members()).toEqual({ '10.0.0.1': 'bank', '10.0.0.2': 'bank' });
    await border.worker.stop();
  });

  test('translations and lists are taken over too', async () => {
    const nat = translating('nat', {
      '10.0.0.1': { kind: 'Address', address: '203.0.113.9' },
      '10.0.0.2': { kind: 'Exempt' },
    });
    const list = {
      id: 'g',
      kind: 'AddressGroup',
      family: 4,
      deviceName: 'list',
      resource: 'AddressGroup/list',
      use: 'Allow',
      members: BucketMap.from([['10.0.0.1', true as const]]),
    } as const;
    const rest = { nats: [nat], groups: new Map([['g', list]]) };
    const border = await confirmed({ ...before, ...rest });
    await border.restart();
    await border.wish({ ...after, ...rest }, since);
    expect(border.told).toEqual(['believed']);
    expect(border.members()['10.0.0.3']).toBe('bank');
    await border.worker.stop();
  });

  test('a class without a member is not taken over: no device shows it', async () => {
    const border = await confirmed(world({ '10.0.0.1': 'bank' }, [bank, shop]), owners);
    await border.restart();
    const narrowed = allowing('shop', '198.51.100.0/25', 80);
    await border.wish(world({ '10.0.0.1': 'bank', '10.0.0.2': 'shop', '10.0.0.3': 'bank' }, [bank, narrowed]), since);
    expect(border.members()).toEqual({ '10.0.0.1': 'bank', '10.0.0.3': 'bank' });
    await border.worker.stop();
  });
});

/** Something happens while nobody looks, or to what is on the disk. Each is told, and nobody gets anything by it. */
const days: Readonly<
  Record<string, { readonly happens: (border: Border) => void | Promise<void>; readonly told: RegExp }>
> = {
  'the record breaks off before its first seal': {
    happens: ({ disk }) => void (disk.text = disk.text?.slice(0, disk.text.indexOf('\n=') + 20)),
    told: /breaks off/,
  },
  'a line is lost': { happens: ({ disk }) => void (disk.text = disk.text?.replace(/^\[.*\n/m, '')), told: /damaged/ },
  'a line is lost in the middle of another': {
    happens: ({ disk }) => void (disk.text = disk.text?.replace('["10.0.0.1",', '["10.0.0.1,')),
    told: /damaged/,
  },
  'its rules are damaged': {
    happens: ({ disk }) => void (disk.text = disk.text?.replace('"family":4', '"family":5')),
    told: /damaged/,
  },
  'it is of a newer version': {
    happens: ({ disk }) => void (disk.text = disk.text?.replace('"version":2', '"version":3')),
    told: /first line/,
  },
  'it is empty': { happens: ({ disk }) => void (disk.text = ''), told: /breaks off/ },
  'it is of another firewall': {
    happens: (border) => void (border.of = { ...border.of, firewall: 'edge-2' }),
    told: /another firewall/,
  },
  'it is of another cluster': {
    happens: (border) => void (border.of = { ...border.of, cluster: 'other' }),
    told: /another firewall/,
  },
  'the BorderFirewall names another device': {
    happens: (border) => void (border.of = { ...border.of, device: 'e' }),
    told: /another device/,
  },
  'another copy had the right to write': {
    happens: (border) => void (border.epoch = { lease: 'u', number: 3 }),
    told: /another copy/,
  },
  'its rules say more than the device holds': {
    happens: ({ disk }) => disk.forge((text) => text.replace('203.0.113.0/24', '203.0.112.0/23')),
    told: /holds something else/,
  },
  'a hand changed a rule of the device': {
    happens: ({ device }) => device.edit('class bank', undefined),
    told: /somebody else wrote|something else|does not name/,
  },
};

describe('a record that is not believed', () => {
  test.each(Object.entries(days))('%s: as without one, and it is told', async (_, { happens, told }) => {
    const border = await confirmed();
    await border.worker.stop();
    await happens(border);
    const held = border.members();
    await border.restart();
    await border.wish(after, since);
    expect(border.told.join()).toMatch(told);
    expect(border.members()).toEqual(held);
    await border.worker.stop();
  });
});

describe('who may believe a record', () => {
  const lease = 'u';
  test.each([
    [{ lease, number: 3 }, { lease, number: 4 }, true],
    [{ lease, number: 3 }, { lease, number: 3 }, true],
    [{ lease, number: 2 ** 31 - 1 }, { lease, number: 0 }, true],
    [{ lease, number: 3 }, { lease, number: 5 }, false],
    [{ lease, number: 4 }, { lease, number: 3 }, false],
    [{ lease, number: 3 }, { lease: 'v', number: 4 }, false],
    [{ lease, number: 3 }, undefined, false],
  ])('written under %o, read under %o', async (then, now, believes) => {
    const border = new Border();
    border.epoch = then;
    await border.restart();
    await border.wish(before, owners);
    await border.agree();
    await border.pass();
    border.epoch = now;
    await border.restart();
    await border.wish(after, since);
    expect(border.members()['10.0.0.3']).toBe(believes ? 'bank' : undefined);
    await border.worker.stop();
  });
});

describe('what is kept', () => {
  test('is one line for each change, together for a second, and names nobody', async () => {
    const border = await confirmed(world(crowd(200, 'bank')), { '10.0.0.1': 'shop/secret-name' });
    expect([border.disk.wholes, border.disk.text?.includes('secret-name')]).toEqual([1, false]);
    const length = border.disk.text?.length ?? 0;
    for (let count = 201; count < 205; count++) await border.wish(world(crowd(count, 'bank')), {});
    expect(border.disk.text).toHaveLength(length);
    await border.pass();
    expect([border.disk.wholes, border.disk.writes]).toEqual([1, 2]);
    expect(border.disk.text?.slice(length).split('\n')).toHaveLength(7);
    await border.worker.stop();
  });

  test('is taken away where the disk refuses, and written whole when it does not any more', async () => {
    const border = await confirmed();
    border.disk.isFull = true;
    await border.wish(world({ '10.0.0.1': 'bank' }, [bank, shop]), owners);
    await border.pass();
    expect(border.disk.text).toBeUndefined();
    border.disk.isFull = false;
    await border.wish(before, owners);
    await border.pass(61_000);
    await border.restart();
    await border.wish(after, since);
    expect(border.told).toEqual(['believed']);
    await border.worker.stop();
  });

  test('is nothing where it has no room, and is not tried again', async () => {
    const border = await confirmed(world(crowd(20, 'bank')), {});
    border.disk.room = 500;
    await border.restart('stopped');
    await border.wish(world(crowd(21, 'bank')), {});
    await border.pass();
    expect([border.disk.text, border.disk.writes]).toEqual([undefined, 1]);
    await border.wish(world(crowd(22, 'bank')), {});
    await border.pass(61_000);
    expect([border.disk.text, border.disk.writes]).toEqual([undefined, 1]);
    await border.worker.stop();
  });

  test('is not believed where it does not know many of those whom the device holds', async () => {
    const border = await confirmed(world(crowd(20, 'bank')), {});
    border.disk.isFull = true;
    border.disk.isStuck = true;
    await border.wish(world(crowd(31, 'bank')), {});
    await border.restart();
    await border.wish(world({ ...crowd(31, 'bank'), '10.0.1.1': 'late' }, [bank, shop, late]), {});
    expect(border.told.join()).toMatch(/does not know 11 of the 31/);
    expect(Object.keys(border.members())).toHaveLength(31);
    await border.worker.stop();
  });
});

const PODS = 6;
type Place = 'absent' | 'bank' | 'shop' | 'late';
type Happening =
  | { readonly what: 'become'; readonly pod: number; readonly place: Place; readonly isHeir: boolean }
  | { readonly what: 'edit'; readonly port: number }
  | { readonly what: 'restart'; readonly isKept: boolean }
  | { readonly what: 'agree' };
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('become' as const),
      pod: fc.nat(PODS - 1),
      place: fc.constantFrom<Place>('absent', 'bank', 'shop', 'late'),
      isHeir: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('edit' as const), port: fc.constantFrom(80, 8080) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('restart' as const), isKept: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ what: 'agree' as const }) },
);

/** Pods, and the rules that somebody wants for them. */
class Story {
  readonly #places = new Map<string, Place>();
  readonly #owners: Record<string, string> = {};
  #born = 0;
  #port = 80;

  take(one: Happening): void {
    if (one.what === 'edit') this.#port = one.port;
    if (one.what !== 'become') return;
    const address = `10.0.0.${one.pod + 1}`;
    if (one.place === 'absent') delete this.#owners[address];
    else if (one.isHeir || this.#owners[address] === undefined) this.#owners[address] = `pod-${this.#born++}`;
    this.#places.set(address, one.place);
  }

  get owners(): Owners {
    return { ...this.#owners };
  }

  /** Classes without a member are in no ruleset. */
  get ruleset(): Ruleset {
    const members = Object.fromEntries([...this.#places].filter(([, place]) => place !== 'absent'));
    const used = new Set<string>(Object.values(members));
    const all = [bank, allowing('shop', '198.51.100.0/24', this.#port), late];
    return world(
      members,
      all.filter(({ id }) => used.has(id)),
    );
  }
}

describe('beside a process that never ended', () => {
  test('a restart at any point gives the same while a plan waits, and where the record is old nothing but what is wished', async () => {
    let believed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 3, maxLength: 20 }), async (happenings) => {
        const [steady, restarted] = [new Border(), new Border()];
        const story = new Story();
        // Some that stay, so that no class is ever forgotten by the one and remembered by the other.
        const fixed: Record<string, string> = { '10.0.9.1': 'bank', '10.0.9.2': 'shop' };
        const all = async (): Promise<void> => {
          const { ruleset } = story;
          const classes = [bank, shop, ...('10.0.9.3' in fixed ? [late] : [])]
            .filter(({ id }) => !ruleset.classes.has(id))
            .map((one) => [one.id, one] as const);
          const whole = {
            ...ruleset,
            classes: new Map([...ruleset.classes, ...classes]),
            members: ruleset.members.with(Object.entries(fixed)),
          };
          for (const border of [steady, restarted]) await border.wish(whole, { ...story.owners, ...fixed });
        };
        await all();
        for (const border of [steady, restarted]) {
          await border.agree();
          await border.pass();
        }
        let isOld = false;
        // Where a record is not believed, whoever is the same has what he had when the process began.
        let then: { readonly held: Owners; readonly owners: Owners } = { held: {}, owners: {} };
        for (const one of happenings) {
          story.take(one);
          if (one.what === 'restart') {
            if (one.isKept) await restarted.pass();
            isOld ||= !one.isKept;
            const times = restarted.told.length;
            then = { held: restarted.members(), owners: story.owners };
            await restarted.restart();
            await all();
            believed += restarted.told.slice(times).filter((told) => told === 'believed').length;
          } else if (one.what === 'agree') {
            if (story.ruleset.classes.has('late')) fixed['10.0.9.3'] = 'late';
            await all();
            for (const border of [steady, restarted]) await border.agree();
          } else await all();
          if (!isOld) {
            expect(restarted.members()).toEqual(steady.members());
            expect(restarted.program()).toBe(steady.program());
            continue;
          }
          const [held, wouldBe] = [restarted.members(), steady.members()];
          const wished = story.ruleset.members;
          for (const [address, id] of Object.entries(held)) {
            const isSame = then.owners[address] === story.owners[address];
            const may = [
              wouldBe[address],
              wished.get(address) ?? fixed[address],
              isSame ? then.held[address] : undefined,
            ];
            expect(may, address).toContain(id);
          }
        }
        await Promise.all([steady.worker.stop(), restarted.worker.stop()]);
      }),
      { ...tries(60, 20), endOnFailure: true },
    );
    expect(believed).toBeGreaterThan(0);
  });
});
