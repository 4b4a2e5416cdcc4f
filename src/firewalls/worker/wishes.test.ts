import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { world } from '../../../test/kit/worlds.ts';
import { Wishes } from './wishes.ts';

describe('the lull between wishes', () => {
  /** Wishes that came so many milliseconds after one another, and whether a lull begun then has ended. */
  const after = async (...gaps: readonly number[]) => {
    const clock = new FakeClock();
    const wishes = new Wishes(clock);
    const stop = new AbortController();
    const wish = (): void => wishes.wish({ kind: 'ruleset', ruleset: world({}) });
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
