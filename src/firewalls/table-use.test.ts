import { expect, test } from 'vitest';
import { nearlyFull } from './table-use.ts';
import { type Standing, conditionsOf } from './worker/worker-status.ts';

const rules = (used: number) => [{ table: 'rules', used, most: 1_000 }];

test('a table is told of from nine tenths of its limit on', () => {
  expect(nearlyFull(rules(899))).toEqual([]);
  expect(nearlyFull(rules(900))).toEqual(['rules: 900 of 1000 are in use']);
  expect(nearlyFull(undefined)).toEqual([]);
});

test('it is a condition that stops nothing', () => {
  const standing: Standing = {
    wish: { kind: 'ruleset' },
    writer: true,
    error: undefined,
    settled: true,
    waits: [],
    unreached: [],
    behind: [],
    noRoom: [],
    full: nearlyFull(rules(1_000)),
    drifted: false,
    drift: [],
  };
  expect(conditionsOf(standing)).toMatchObject([
    { type: 'Ready', status: true, reason: 'Confirmed' },
    { type: 'CapacityLow', status: true, reason: 'NearlyFull', message: 'rules: 1000 of 1000 are in use' },
  ]);
  expect(conditionsOf({ ...standing, full: [] })).toHaveLength(1);
});
