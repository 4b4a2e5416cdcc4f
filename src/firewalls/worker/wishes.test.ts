import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { type Wish, Wishes } from './wishes.ts';

describe('the lull between wishes', () => {
  /** Wishes that came so many milliseconds after one another, and whether a lull begun then has ended. */
  const after = async (...gaps: readonly number[]) => {
    const clock = new FakeClock();
    const wishes = new Wishes(clock);
    const stop = new AbortController();
    const wish = (): void => void wishes.wish({ kind: 'ruleset', ruleset: world({}) });
    wish();
    for (const gap of gaps) {
      clock.advance(gap);
      wish();
    }
    let ended = false;
    void wishes.lull(stop.signal).then(() => (ended = true));
    const hasEnded = async (): Promise<boolean> => {
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      return ended;
    };
    return { clock, stop, wish, hasEnded };
  };

  test('there is none where no stream is: one wish, wishes of one instant, wishes far apart', async () => {
    for (const gaps of [[], [0, 0, 0], [10, 1_000]]) expect(await (await after(...gaps)).hasEnded()).toBe(true);
  });

  test('in a stream it ends with the next wish, after a while, and with the signal', async () => {
    const ways: readonly ((stream: Awaited<ReturnType<typeof after>>) => void)[] = [
      ({ wish }) => wish(),
      ({ clock }) => clock.advance(50),
      ({ stop }) => stop.abort(),
    ];
    for (const way of ways) {
      const stream = await after(10, 10);
      expect(await stream.hasEnded()).toBe(false);
      way(stream);
      expect(await stream.hasEnded()).toBe(true);
    }
  });
});

describe('nothing follows from a wish', () => {
  const held = world({});
  const had = BucketMap.from([
    ['10.0.0.1', 'default/a'],
    ['10.0.0.2', 'default/b'],
  ]);
  const of = (owners: BucketMap<string> | undefined, ruleset = held): Wish => ({
    kind: 'ruleset',
    ruleset,
    ...(owners === undefined ? {} : { owners }),
  });
  /** What the last of some wishes gave. */
  const last = (...wishes: readonly Wish[]): boolean => {
    const all = new Wishes(new FakeClock());
    return wishes.map((wish) => all.wish(wish, { ruleset: held })).at(-1) === true;
  };

  test('where the ruleset is held, and addresses were given up, or somebody got one that nobody had', () => {
    expect(last(of(had), of(had))).toBe(true);
    expect(last(of(had), of(had.with([['10.0.0.3', 'default/c']])))).toBe(true);
    expect(last(of(had), of(had.with([['10.0.0.1', undefined]])))).toBe(true);
    expect(last(of(undefined), of(undefined))).toBe(true);
  });

  test('but of any other', () => {
    const anew = had.with([['10.0.0.1', 'default/c']]);
    const frozen: Wish = { kind: 'frozen', reason: 'a source is lost', ruleset: held, owners: had };
    const unknown: Wish = { kind: 'unknown', reason: 'a source is lost' };
    const wrong: readonly (readonly Wish[])[] = [
      [of(had)],
      [of(had), of(anew)],
      [of(had), of(undefined)],
      [of(undefined), of(had)],
      [of(had, world({})), of(had)],
      [of(had), of(had, world({}))],
      [of(had), frozen],
      [frozen, of(had)],
      [of(had), unknown],
      [unknown, of(had)],
    ];
    for (const wishes of wrong) expect(last(...wishes)).toBe(false);
    const all = new Wishes(new FakeClock());
    expect([all.wish(of(had)), all.wish(of(had))]).toEqual([false, false]);
  });
});
