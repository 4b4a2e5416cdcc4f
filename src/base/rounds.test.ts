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

  test('what is gathered is one round, so long after the first of it, and asks for no more where one began by itself', async () => {
    const { rounds, end, begun, clock } = setUp();
    rounds.gather(100);
    clock.advance(60);
    rounds.gather(100);
    await end();
    expect([begun(), clock.next()]).toEqual([0, 40]);
    clock.advance(40);
    await end();
    expect([begun(), clock.next()]).toEqual([1, undefined]);
    rounds.gather(100);
    await end();
    expect([begun(), clock.next()]).toEqual([1, 100]);
    rounds.request();
    await end();
    expect([begun(), clock.next()]).toEqual([2, undefined]);
    rounds.request();
    rounds.gather(100);
    expect(clock.next()).toBeUndefined();
  });

  test('who waits until all is settled waits for no more to be gathered, and nothing of it is left when it stops', async () => {
    const { rounds, end, begun, clock } = setUp();
    rounds.gather(100);
    const settled = rounds.settled();
    await end();
    expect(begun()).toBe(1);
    await end();
    await settled;
    rounds.gather(100);
    await rounds.stop();
    rounds.gather(100);
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
