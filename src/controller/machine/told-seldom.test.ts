import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { AGAIN_MS, ToldSeldom } from './told-seldom.ts';

test('what happens thousands of times is told once, and a minute later how often it happened since; each kind by itself', () => {
  const clock = new FakeClock();
  const told: string[] = [];
  const seldom = new ToldSeldom<'refused' | 'limited'>(clock, (kind, times, problem) =>
    told.push(`${clock.monotonic() / 1_000} s: ${kind} ${times} ${problem}`),
  );
  seldom.step();
  for (let n = 1; n <= 5_000; n++) seldom.note('refused', `set ${n}`);
  expect(told).toEqual([]);
  seldom.step();
  for (let second = 1; second < AGAIN_MS / 1_000; second++) {
    clock.advance(1_000);
    for (let n = 1; n <= 100; n++) seldom.note('refused', `set ${second} ${n}`);
    if (second === 30) seldom.note('limited');
    seldom.step();
  }
  clock.advance(1_000);
  seldom.step();
  // A quiet minute has nothing to tell, and what comes after it is told at once.
  clock.advance(AGAIN_MS);
  seldom.step();
  seldom.note('refused', 'the last');
  seldom.step();
  expect(told).toEqual([
    '0 s: refused 5000 set 5000',
    '30 s: limited 1 ',
    '60 s: refused 5900 set 59 100',
    '120 s: refused 1 the last',
  ]);
});
