import { describe, expect, test } from 'vitest';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { RecordDisk } from '../../../test/kit/record-on-disk.ts';
import { allowing, crowd, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { SallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { ConfirmedKeeper as Keeper } from './confirmed-keeper.ts';
import { ConfirmedKeeper } from './confirmed-keeper.ts';
import type { Actual } from '../driver.ts';
import { MemoryDevice } from '../memory/device.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { bring } from '../contract/harness.ts';
import { Session } from './session.ts';
import { behaviourOf } from '../../plan/ruleset-behaviour.ts';
import { soleWriter } from '../writer-lock.ts';

const bank = allowing('bank', '203.0.113.0/24', 443);
const signal = new AbortController().signal;

/** A keeper, its disk, and a firewall in memory that holds just what was confirmed. */
class Desk {
  readonly clock = new FakeClock();
  readonly disk = new RecordDisk();
  readonly device = new MemoryDevice([]);
  readonly driver = new MemoryDriver(this.device);
  readonly told: string[] = [];
  keeper: Keeper;

  constructor() {
    this.keeper = this.open();
  }

  /** What a new process has. */
  open(): Keeper {
    const note = (fields: { reason?: string; error?: string }, message: string): void => {
      this.told.push([message, fields.reason ?? fields.error ?? ''].join(': '));
    };
    const log = { ...silentLog, info: note, warn: note } as unknown as Log;
    this.keeper = new ConfirmedKeeper(this.disk.open().place, this.clock, log, 'edge-1');
    return this.keeper;
  }

  note(ruleset: Ruleset, owners: Readonly<Record<string, string>> = {}): void {
    this.keeper.note({ ruleset, behaviour: behaviourOf(ruleset), owners: BucketMap.from(Object.entries(owners)) });
  }

  async pass(ms = 1_000): Promise<void> {
    this.clock.advance(ms);
    await turns();
  }

  get length(): number {
    return this.disk.text?.length ?? 0;
  }

  /** What a new process takes over of a device that was read, which may be told otherwise than it is. */
  async recall(ruleset: Ruleset, otherwise: Partial<Actual> = {}): Promise<string> {
    const session = new Session(this.driver, soleWriter, this.clock, signal);
    const actual = await session.observe();
    const wished = { ruleset, owners: BucketMap.empty<string>(), version: 1 } as never;
    this.told.length = 0;
    const known = await this.keeper.recall({ ...actual, ...otherwise }, wished, session);
    return this.told.join() + (known === undefined ? '' : ' known');
  }
}

const ten = world(crowd(10, 'bank'), [bank]);

describe('what is noted', () => {
  test('is written whole once, and then as what changed; rules only where they changed', async () => {
    const desk = new Desk();
    desk.note(ten);
    await desk.pass(999);
    expect(desk.disk.text).toBeUndefined();
    await desk.pass(1);
    expect(desk.disk.text?.split('\n').filter((line) => line.startsWith('R'))).toHaveLength(1);
    const whole = desk.length;
    desk.note(world(crowd(11, 'bank'), [bank]));
    await desk.pass();
    expect(desk.disk.text?.slice(whole)).toMatch(/^\["10\.0\.0\.11",\[\],"bank",\[\],\[\]\]\n=[0-9a-f]{32}\n$/);
    const after = desk.length;
    desk.note(world(crowd(11, 'bank'), [allowing('bank', '203.0.113.0/25', 443)]));
    await desk.pass();
    expect(desk.disk.text?.slice(after)).toMatch(/^R.*203\.0\.113\.0\/25[^\n]*\n=[^\n]*\n$/);
    expect([desk.disk.wholes, desk.disk.writes]).toEqual([1, 3]);
    await desk.keeper.close();
  });

  test('is appended to little again and again before all is written anew', async () => {
    const desk = new Desk();
    desk.note(ten);
    await desk.pass();
    for (let round = 0; round < 6; round++) {
      desk.note(world(crowd(round % 2 === 0 ? 200 : 10, 'bank'), [bank]));
      await desk.pass();
    }
    expect([desk.disk.wholes, desk.disk.writes]).toEqual([1, 7]);
    await desk.keeper.close();
  });

  test('twice is kept once, and what is as it was kept not at all', async () => {
    const desk = new Desk();
    desk.note(ten);
    await desk.pass();
    desk.keeper.note(undefined);
    desk.note(world(crowd(10, 'bank'), [bank]));
    await desk.pass();
    expect(desk.disk.writes).toBe(1);
    const same = { ruleset: ten, behaviour: behaviourOf(ten), owners: BucketMap.empty<string>() };
    desk.keeper.note(same);
    await desk.pass();
    desk.keeper.note(same);
    expect(desk.clock.next()).toBeUndefined();
    await desk.keeper.close();
  });

  test('without owners, or where nothing shows who sends, is not kept', async () => {
    const desk = new Desk();
    const behaviour = behaviourOf(ten);
    desk.keeper.note({ ruleset: ten, behaviour, owners: undefined });
    desk.keeper.note({ ruleset: ten, behaviour: { ...behaviour, present: false }, owners: BucketMap.empty() });
    await desk.pass();
    expect([desk.disk.text, desk.told]).toEqual([undefined, []]);
  });

  test('is also who has an address now, though the ruleset is the same', async () => {
    const desk = new Desk();
    desk.note(ten, { '10.0.0.1': 'a' });
    await desk.pass();
    const whole = desk.length;
    desk.note(ten, { '10.0.0.1': 'b' });
    await desk.pass();
    expect(desk.disk.text?.slice(whole)).toMatch(/^\["10\.0\.0\.1",\["[0-9a-f]{32}"\]\]\n=.*\n$/);
    await desk.keeper.close();
  });

  test('is kept before a keeper closes, and by one write; its place is closed after that', async () => {
    const desk = new Desk();
    const { place } = desk.disk.open();
    const writes: number[] = [];
    const close = (): Promise<void> => Promise.resolve(void writes.push(desk.disk.writes));
    desk.keeper = new ConfirmedKeeper({ ...place, close }, desk.clock, silentLog, 'edge-1');
    desk.note(ten);
    await desk.keeper.close();
    expect([writes, desk.length > 0]).toEqual([[1], true]);
    await desk.pass();
    expect(desk.disk.writes).toBe(1);
  });

  test('is written whole again where more was appended than it takes, and where one change is more than that', async () => {
    const desk = new Desk();
    desk.note(ten);
    await desk.pass();
    // Some forty characters each; a few thousand are more than may be appended to so little.
    const places = (net: number): Record<string, string> => ({
      ...crowd(250, 'bank', net),
      ...crowd(250, 'bank', net + 1),
    });
    const all: Record<string, string> = {};
    for (let net = 0; net < 32; net += 2) Object.assign(all, places(net));
    desk.note(world(all, [bank]));
    await desk.pass();
    expect([desk.disk.wholes, desk.disk.writes]).toEqual([2, 2]);
    const whole = desk.length;
    for (let round = 0; round < 6; round++) {
      desk.note(world(round % 2 === 0 ? {} : all, [bank]));
      await desk.pass();
    }
    // Those who leave are appended, and then there is no room for all who come.
    expect(desk.disk.wholes).toBe(5);
    expect(desk.length).toBeLessThanOrEqual(2 * whole);
    await desk.keeper.close();
  });

  test('is taken away where it cannot be written, told once, tried again a minute later', async () => {
    const desk = new Desk();
    desk.note(ten);
    await desk.pass();
    desk.disk.isFull = true;
    desk.note(world({}, [bank]));
    await desk.pass();
    expect(desk.disk.text).toBeUndefined();
    desk.note(ten);
    await desk.pass(59_000);
    expect(desk.disk.wholes).toBe(1);
    expect(desk.told).toEqual(['what is confirmed cannot be kept: the disk is full']);
    await desk.pass();
    expect([desk.disk.wholes, desk.told.length]).toEqual([2, 1]);
    desk.disk.isFull = false;
    desk.note(world(crowd(3, 'bank'), [bank]));
    await desk.pass(60_000);
    expect(desk.disk.wholes).toBe(3);
    desk.note(world(crowd(4, 'bank'), [bank]));
    await desk.pass();
    expect(desk.disk.text).toContain('10.0.0.4');
    desk.disk.isFull = true;
    desk.note(ten);
    await desk.pass();
    expect(desk.told).toHaveLength(2);
    await desk.keeper.close();
  });

  test('that has no room is not kept by this process, not even when it would have', async () => {
    const desk = new Desk();
    desk.disk.room = 1_200;
    desk.open();
    desk.note(world(crowd(30, 'bank'), [bank]));
    await desk.pass();
    expect(desk.told.join()).toMatch(/it takes \d+ characters, and there is room for 1200/);
    desk.note(world({}, [bank]));
    await desk.pass(120_000);
    expect([desk.disk.text, desk.clock.next()]).toEqual([undefined, undefined]);
  });
});

describe('what is recalled', () => {
  /** Kept, and on the device. */
  async function kept(): Promise<Desk> {
    const desk = new Desk();
    await bring(desk.driver, ten);
    desk.note(ten);
    await desk.keeper.close();
    desk.open();
    return desk;
  }

  test('is what was kept, where the device holds it; and once', async () => {
    const desk = await kept();
    expect(await desk.recall(ten)).toMatch(/still holds.*known/);
    expect(await desk.recall(ten)).toBe('');
  });

  test('is what was kept last, though it was appended to what was written whole, also where that was not the first', async () => {
    const desk = new Desk();
    const states = [3, 4, 5].map((size) => world(crowd(size, 'bank'), [bank]));
    for (const state of [ten, ...states]) {
      desk.note(state);
      await desk.pass();
    }
    expect([desk.disk.wholes, desk.disk.writes]).toEqual([1, 4]);
    desk.disk.isFull = true;
    desk.note(ten);
    await desk.pass();
    desk.disk.isFull = false;
    desk.note(world(crowd(9, 'bank'), [bank]));
    await desk.pass(60_000);
    await bring(desk.driver, ten);
    desk.note(ten);
    await desk.keeper.close();
    expect(desk.disk.wholes).toBe(2);
    desk.open();
    expect(await desk.recall(ten)).toMatch(/still holds.*known/);
  });

  test.each([
    [{ rival: 'somebody' }, /somebody else wrote/],
    [{ drift: [{ object: 'a', what: 'changed' }] }, /somebody else wrote/],
    [{ unreached: ['one firewall'] }, /a part of the firewall is not reached/],
    [{ unreached: [] }, /still holds/],
    [{ empty: true }, /^$/],
  ])('of a reading with %o: %s', async (otherwise, told) => {
    const desk = await kept();
    expect(await desk.recall(ten, otherwise)).toMatch(told);
  });

  test('is nothing without a record, and nothing is told', async () => {
    const desk = await kept();
    desk.disk.text = undefined;
    expect(await desk.recall(ten)).toBe('');
  });

  test('is what was kept a second before, of a process that was killed while it wrote', async () => {
    const desk = new Desk();
    const eleven = world(crowd(11, 'bank'), [bank]);
    await bring(desk.driver, eleven);
    desk.note(ten);
    await desk.pass();
    const first = desk.length;
    desk.note(eleven);
    await desk.keeper.close();
    const text = desk.disk.text ?? '';
    for (const [length, told] of [
      [text.length, /still holds.*known/],
      [text.length - 1, /still holds.*known/],
      [first, /still holds.*known/],
      [first - 1, /it breaks off$/],
    ] as const) {
      desk.disk.text = text.slice(0, length);
      desk.open();
      expect([length, await desk.recall(eleven)]).toEqual([length, expect.stringMatching(told)]);
    }
  });

  test('is nothing once something is confirmed', async () => {
    const desk = await kept();
    desk.note(ten);
    expect(await desk.recall(ten)).toBe('');
    await desk.keeper.close();
  });

  test('is nothing of a disk that cannot be read, which is told', async () => {
    const desk = await kept();
    const { place } = desk.disk.open();
    desk.keeper = new ConfirmedKeeper(
      { ...place, load: () => Promise.reject(new Error('the disk is gone')) },
      desk.clock,
      { ...silentLog, warn: (fields: { reason: string }) => void desk.told.push(fields.reason) } as unknown as Log,
      'edge-1',
    );
    expect(await desk.recall(ten)).toBe('the disk is gone');
  });

  test('is nothing where nobody knows who has which address', async () => {
    const desk = await kept();
    const session = new Session(desk.driver, soleWriter, desk.clock, signal);
    const actual = await session.observe();
    const known = await desk.keeper.recall(actual, { ruleset: ten, owners: undefined, version: 1 } as never, session);
    expect([known, desk.told.at(-1)]).toEqual([undefined, expect.stringMatching(/nobody knows who has/)]);
  });

  test('waits for what a driver has to work out first, three times; then it is none', async () => {
    const desk = await kept();
    const session = new Session(desk.driver, soleWriter, desk.clock, signal);
    const actual = await session.observe();
    session.steps = () => {
      throw new SallyportError('FLAT_PENDING', 'not proved yet');
    };
    const ask = (): Promise<unknown> =>
      desk.keeper.recall(actual, { ruleset: ten, owners: BucketMap.empty(), version: 1 } as never, session);
    desk.told.length = 0;
    for (let turn = 0; turn < 2; turn++) await expect(ask()).rejects.toMatchObject({ code: 'FLAT_PENDING' });
    expect(desk.told).toEqual([]);
    expect([await ask(), desk.told]).toEqual([
      undefined,
      ['what was confirmed before the start is not believed: not proved yet'],
    ]);
  });
});
