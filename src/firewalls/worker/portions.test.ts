import { expect, test } from 'vitest';
import { driftOf } from './portions.ts';

test('what the device tells of comes before what a repair only touches', () => {
  const told = [
    { object: 'rule forward', what: 'add', by: 'process 7 (nft)' },
    { object: 'chain x', what: 'delete' },
  ];
  expect(driftOf(told, new Set(['by_source4', 'rule forward', 'a4']))).toEqual([
    { object: 'chain x', what: 'delete' },
    { object: 'rule forward', what: 'add', by: 'process 7 (nft)' },
    { object: 'a4', what: 'changed' },
    { object: 'by_source4', what: 'changed' },
  ]);
});
