import { expect, test } from 'vitest';
import { quietUntil } from './quiet.ts';

/** 5 January 2026 is a Monday. */
const at = (day: number, time: string): number => Date.parse(`2026-01-0${day}T${time}:00Z`);

test.each([
  { window: { from: '09:00', to: '17:00' }, day: 5, time: '08:59', until: undefined },
  { window: { from: '09:00', to: '17:00' }, day: 5, time: '09:00', until: at(5, '17:00') },
  { window: { from: '09:00', to: '17:00' }, day: 5, time: '17:00', until: undefined },
  { window: { from: '22:00', to: '06:00' }, day: 5, time: '23:30', until: at(6, '06:00') },
  { window: { from: '22:00', to: '06:00' }, day: 6, time: '05:59', until: at(6, '06:00') },
  { window: { from: '22:00', to: '06:00', days: ['Monday'] }, day: 6, time: '05:59', until: at(6, '06:00') },
  { window: { from: '22:00', to: '06:00', days: ['Mon'] }, day: 6, time: '22:30', until: undefined },
  { window: { from: '00:00', to: '24:00', days: ['sat', 'sun'] }, day: 5, time: '12:00', until: undefined },
  { window: { from: '00:00', to: '00:00' }, day: 5, time: '12:00', until: at(6, '00:00') },
  { window: { from: '9:00', to: 'noon' }, day: 5, time: '10:00', until: undefined },
])('$window on day $day at $time', ({ window, day, time, until }) => {
  expect(quietUntil([window], at(day, time))).toBe(until);
});

test('of several windows the one that ends last counts', () => {
  const windows = [
    { from: '09:00', to: '12:00' },
    { from: '11:00', to: '15:00' },
  ];
  expect(quietUntil(windows, at(5, '11:30'))).toBe(at(5, '15:00'));
});
