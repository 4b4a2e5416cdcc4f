import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { type Part, Parts } from './parts.ts';

const feed = (at: number): Part => `feed list-${at}`;
const many: readonly Part[] = ['mode', 'table firewall/policy', ...Array.from({ length: 18 }, (_, at) => feed(at))];
const NONE: ReadonlySet<Part> = new Set();

test('everything is due while nothing was read, and when one part was read ten seconds ago', () => {
  const clock = new FakeClock();
  const parts = new Parts(clock);
  expect([parts.areDue, parts.age('mode')]).toEqual([true, Number.POSITIVE_INFINITY]);
  parts.all(many, clock.monotonic());
  clock.advance(9_999);
  expect([parts.areDue, parts.age('mode')]).toEqual([false, 9_999]);
  parts.read(
    many.filter((part) => part !== 'mode'),
    clock.monotonic(),
  );
  clock.advance(1);
  expect([parts.areDue, parts.age('mode'), parts.age(feed(0))]).toEqual([true, 10_000, 1]);
});

test('in a stream a few have their turn each time, the oldest first, and nothing is ever due', () => {
  const clock = new FakeClock();
  const parts = new Parts(clock);
  parts.all(many, clock.monotonic());
  const counts: number[] = [];
  for (let ms = 0; ms < 60_000; ms += 500) {
    clock.advance(500);
    expect(parts.areDue).toBe(false);
    const next = parts.next(NONE);
    counts.push(next.length);
    for (const part of next)
      for (const other of many)
        if (!next.includes(other)) expect(parts.age(part)).toBeGreaterThanOrEqual(parts.age(other));
    parts.read(next, clock.monotonic());
  }
  expect(Math.max(...counts)).toBe(2);
});

test('what is read anyway takes nobody’s turn, and leaves nobody more of them', () => {
  const clock = new FakeClock();
  const parts = new Parts(clock);
  parts.all(many, clock.monotonic());
  const but = new Set(many.slice(0, 12));
  const seen: Part[] = [];
  for (let ms = 0; ms < 8_000; ms += 500) {
    clock.advance(500);
    const next = parts.next(but);
    parts.read([...but, ...next], clock.monotonic());
    seen.push(...next);
  }
  expect(seen).toEqual(many.slice(12));
});

test('whatever is read anyway, now these and now those, nothing is ever due', () => {
  const clock = new FakeClock();
  const parts = new Parts(clock);
  parts.all(many, clock.monotonic());
  for (let at = 0; at < 1_000; at++) {
    clock.advance(50 + ((at * 7_919) % 950));
    expect(parts.areDue).toBe(false);
    const but = new Set(many.filter((_, part) => part > 4 && (part * 31 + at * 17) % 5 < at % 6));
    parts.read([...but, ...parts.next(but)], clock.monotonic());
  }
});

test('another whole reading begins anew, with the parts that there are then', () => {
  const clock = new FakeClock();
  const parts = new Parts(clock);
  parts.all(many, clock.monotonic());
  clock.advance(8_000);
  parts.all(['mode', feed(7)], clock.monotonic());
  expect(parts.next(NONE)).toEqual([]);
  expect(parts.age(feed(0))).toBe(Number.POSITIVE_INFINITY);
  clock.advance(20_000);
  expect(parts.next(NONE)).toEqual(['mode', feed(7)]);
});
