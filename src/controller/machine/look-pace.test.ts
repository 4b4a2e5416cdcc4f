import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { LookPace } from './look-pace.ts';

test('looks are due at once, and more and more seldom the oftener somebody asks, until he rests for a minute', () => {
  const clock = new FakeClock();
  const pace = new LookPace(clock, 5_000);
  expect(pace.due).toBeUndefined();
  const waits: (number | undefined)[] = [];
  const firsts: number[] = [];
  for (let n = 0; n < 12; n++) {
    pace.ask();
    pace.ask();
    waits.push(pace.due);
    clock.advance(pace.due ?? 0);
    expect(pace.due).toBe(0);
    if (pace.look()) firsts.push(n);
    expect(pace.due).toBeUndefined();
  }
  expect(waits).toEqual([0, 0, 0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  // Told once, when the next one begins to wait.
  expect(firsts).toEqual([4]);
  clock.advance(60_001);
  pace.ask();
  expect(pace.due).toBe(0);
  expect(pace.look()).toBe(false);
  pace.ask();
  expect(pace.due).toBe(0);
});
