import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { TimedLock } from './writer-lock.ts';

function setUp() {
  const clock = new FakeClock();
  const lock = new TimedLock(clock, 10_000);
  const told: boolean[] = [];
  lock.onChange(() => told.push(lock.held()));
  const renew = (): void => lock.renewed(clock.monotonic(), 15_000);
  return { clock, lock, told, renew };
}

describe('whoever waits for the right to write', () => {
  test('is called when it comes and when it goes, and not each time that it is renewed', () => {
    const { clock, lock, told, renew } = setUp();
    for (let times = 0; times < 5; times++) {
      renew();
      clock.advance(2_000);
    }
    lock.lost();
    expect(told).toEqual([true, false]);
    renew();
    expect(told).toEqual([true, false, true]);
  });

  test('is called with the first renewal after it ran out by itself, asked about meanwhile or not', () => {
    const { clock, told, renew } = setUp();
    renew();
    clock.advance(6_000);
    renew();
    expect(told).toEqual([true, true]);
  });

  test('is called too where a wall clock that was set ahead and back took it away for a moment', () => {
    const { clock, lock, told, renew } = setUp();
    renew();
    clock.setWall(60_000);
    expect(lock.held()).toBe(false);
    clock.setWall(-60_000);
    expect(lock.held()).toBe(true);
    renew();
    expect(told).toEqual([true, true]);
  });

  test('is called once more where what was granted is not long enough to write', () => {
    const { clock, lock, told, renew } = setUp();
    renew();
    lock.renewed(clock.monotonic(), 5_000);
    expect(told).toEqual([true, false]);
    renew();
    expect(told).toEqual([true, false, true]);
  });
});
