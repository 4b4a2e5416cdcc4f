import { expect, test } from 'vitest';
import { workerOnMemory } from '../../../test/kit/worker-on-memory.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';
import type { ListBehind } from '../driver.ts';

const LIST: ListBehind = {
  list: 'payments',
  lacks: new Set(['10.0.0.3']),
  keeps: new Set(['10.0.0.9']),
  isUnread: false,
  isUsed: true,
  text: 'list payments: it lacks 10.0.0.3',
};

test('what a list does not hold yet is told and not confirmed; all else goes ahead and is known to be there', async () => {
  const { wish, driver, worker, reason, members, confirmed, clock } = workerOnMemory();
  await wish(world(crowd(1, 'bank')));
  let behind: readonly ListBehind[] = [LIST];
  const observe = driver.observe.bind(driver);
  driver.observe = async (signal) => ({ ...(await observe(signal)), behind });
  Object.assign(driver, { behind: (actual: { readonly behind?: readonly ListBehind[] }) => actual.behind ?? [] });
  await wish(world(crowd(3, 'bank')));
  expect(Object.keys(members())).toHaveLength(3);
  expect(confirmed).toEqual([1]);
  expect(reason('Ready')).toBeUndefined();
  expect(reason('Waiting')).toBe('ListsBehind');
  expect(reason('Reconciling')).toBeUndefined();
  expect(worker.status().conditions[0]?.message).toBe(LIST.text);
  const told = worker.confirmed();
  expect(told?.behind).toEqual([LIST]);
  expect(told?.ruleset.members.size).toBe(3);
  // Nobody is told anew as long as nothing is new.
  expect(worker.confirmed()).toBe(told);
  behind = [];
  clock.advance(60_000);
  await worker.settled();
  expect(confirmed).toEqual([1, 2]);
  expect(reason('Ready')).toBe('Confirmed');
  expect(worker.confirmed()?.behind).toBeUndefined();
});
