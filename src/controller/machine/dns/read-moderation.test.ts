import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { ReadModeration } from './read-moderation.ts';

/** A thread that reads by rounds; it stops as it is told to. */
function reading() {
  const clock = new FakeClock();
  const ends: (() => void)[] = [];
  const pauses: number[] = [];
  const moderation = new ReadModeration(
    clock,
    (run) => ends.push(run),
    (ms) => {
      pauses.push(ms);
      clock.advance(ms);
    },
  );
  return {
    /** So many datagrams lay there; `ms` pass until the next round. How long the thread stopped. */
    round: (datagrams: number, ms: number): number => {
      for (let n = 0; n < datagrams; n++) moderation.note();
      expect(ends.length, 'one call for a round').toBe(datagrams === 0 ? 0 : 1);
      ends.pop()?.();
      clock.advance(ms);
      return pauses.splice(0).reduce((sum, each) => sum + each, 0);
    },
  };
}

test('datagrams that come one by one are read at once', () => {
  const { round } = reading();
  for (let n = 0; n < 100; n++) expect(round(1, 1)).toBe(0);
});

test('while they come fast each round of reading is followed by a pause', () => {
  const { round } = reading();
  for (let n = 0; n < 40; n++) round(2, 0.25);
  for (let n = 0; n < 100; n++) expect(round(2, 0.25)).toBe(0.5);
});

test('who is behind makes no pause', () => {
  const { round } = reading();
  for (let n = 0; n < 40; n++) round(2, 0.25);
  expect(round(32, 1)).toBe(0);
  expect(round(31, 1)).toBe(0.5);
});

test('when they come slowly again pauses end, also after nothing came', () => {
  const { round } = reading();
  for (let n = 0; n < 40; n++) round(2, 0.25);
  expect(round(1, 10)).toBe(0.5);
  expect(round(1, 1)).toBe(0);
  for (let n = 0; n < 40; n++) round(2, 0.25);
  round(2, 60_000);
  expect(round(1, 1)).toBe(0);
});
