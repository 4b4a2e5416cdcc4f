import { expect, test } from 'vitest';
import { parseTime } from './time.ts';

const now = Date.UTC(2026, 10, 21, 12);

test.each([
  ['30s', now - 30_000],
  ['2h', now - 7_200_000],
  ['7d', now - 604_800_000],
  ['2026-11-21', Date.UTC(2026, 10, 21)],
  ['2026-11-21 10:00', Date.UTC(2026, 10, 21, 10)],
  ['2026-11-21T10:00:00.5+02:00', Date.UTC(2026, 10, 21, 8, 0, 0, 500)],
])('%s', (text, time) => {
  expect(parseTime(text, now)).toBe(time);
});

test.each(['', 'yesterday', '2026-13-01', '2026-11-21T25:00', '-2h', '1w', '2h ago'])('%s is no time', (text) => {
  expect(() => parseTime(text, now)).toThrow('a time is');
});
