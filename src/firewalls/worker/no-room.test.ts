import { expect, test } from 'vitest';
import { workerOnMemory } from '../../../test/kit/worker-on-memory.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import type { LeftOut } from '../driver.ts';

const ALL = ['10.0.0.1', '10.0.0.2'];
const TILLS: Group = {
  id: 'tills',
  kind: 'AddressGroup',
  family: 4,
  deviceName: 'tills',
  resource: 'AddressGroup/tills',
  use: 'Allow',
  members: BucketMap.from(ALL.map((address) => [address, true as const])),
};

function inTills(count: number): Ruleset {
  return world(crowd(count, 'bank'), undefined, { groups: new Map([['tills', TILLS]]) });
}

test('who was left out of a group is not confirmed in it, and nothing else waits', async () => {
  const { wish, driver, worker, reason, confirmed } = workerOnMemory();
  const confirmedIn = (): readonly string[] => {
    const tills = worker.confirmed()?.ruleset.groups.get('tills');
    return tills?.kind === 'AddressGroup' ? [...tills.members.keys()].toSorted() : [];
  };
  let leftOut: readonly LeftOut[] = [{ group: 'tills', members: new Set(['10.0.0.2']), why: 'in too many' }];
  const translate = driver.translate.bind(driver);
  driver.translate = (desired) => ({ ...translate(desired), leftOut });
  await wish(inTills(2));
  expect(confirmed).toEqual([1]);
  expect(reason('Ready')).toBe('Confirmed');
  expect(confirmedIn()).toEqual(['10.0.0.1']);
  const told = worker.confirmed();
  expect(told?.leftOut).toBe(leftOut);
  // Nobody is told anew as long as nothing is new.
  expect(worker.confirmed()).toBe(told);
  leftOut = [];
  await wish(inTills(3));
  expect(confirmedIn()).toEqual(ALL);
  expect(worker.confirmed()?.leftOut).toBeUndefined();
});
