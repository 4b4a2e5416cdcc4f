import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { type NextRound, Rounds } from './rounds.ts';

/** Rounds that end when the test says so. */
function setUp(next?: NextRound) {
  const clock = new FakeClock();
  let begun = 0;
  let underWay = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  const rounds = new Rounds(clock, async () => {
    begun++;
    most = Math.max(most, ++underWay);
    await new Promise<void>((resolve) => ends.push(resolve));
    underWay--;
    return next;
  });
  const end = async (): Promise<void> => {
    ends.shift()?.();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return { clock, rounds, end, begun: () => begun, most: () => most };
}

describe('rounds', () => {
  test('requests of one turn, and those that come during a round, become one round', async () => {
    const { rounds, end, begun, most } = setUp();
    rounds.request();
    rounds.request();
    await end();
    expect(begun()).toBe(1);
    for (let i = 0; i < 10; i++) rounds.request();
    await end();
    expect(begun()).toBe(2);
    await end();
    await rounds.settled();
    expect([begun(), most()]).toEqual([2, 1]);
  });

  test('a round may ask for the next one at a later time; a request makes that unnecessary', async () => {
    const { rounds, end, begun, clock } = setUp(1000);
    rounds.request();
    await end();
    await end();
    expect([begun(), clock.next()]).toEqual([1, 1000]);
    clock.advance(1000);
    await end();
    expect(begun()).toBe(2);
    await end();
    rounds.request();
    await end();
    expect(clock.next()).toBeUndefined();
  });

  test('a round that waits without end leaves no timer behind', async () => {
    const { rounds, end, begun, clock } = setUp(Number.POSITIVE_INFINITY);
    rounds.request();
    await end();
    await end();
    expect([begun(), clock.next()]).toEqual([1, undefined]);
  });

  test('stopping waits for the round under way and lets none begin', async () => {
    const { rounds, end, begun } = setUp(1000);
    rounds.request();
    await end();
    rounds.request();
    const stopped = rounds.stop();
    await end();
    await stopped;
    rounds.request();
    await rounds.settled();
    expect(begun()).toBe(1);
  });
});
