import { expect, test } from 'vitest';
import { world } from '../../../test/kit/worlds.ts';
import { approve, enforce, workerOnMemory } from '../../../test/kit/worker-on-memory.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { withoutHandedOver } from './handover.ts';

const ruleset = world({ '10.0.0.1': 'bank', '10.0.0.2': 'bank', '10.0.0.3': 'shop' });
const owners = BucketMap.from([
  ['10.0.0.1', 'pod:a/one'],
  ['10.0.0.2', 'node n1 pod:a/two'],
  ['10.0.0.3', 'pod:a/three'],
]);
const confirmed = { ruleset, owners };

test('only who has nothing left of an address hands it over, and only to somebody', () => {
  const now = owners.with([
    ['10.0.0.1', 'pod:b/heir'],
    ['10.0.0.2', 'node n1'],
    ['10.0.0.3', undefined],
  ]);
  const without = withoutHandedOver(confirmed, now);
  expect([...(without?.ruleset.members.keys() ?? [])].toSorted()).toEqual(['10.0.0.2', '10.0.0.3']);
  expect(without?.owners.has('10.0.0.1')).toBe(false);
  expect(withoutHandedOver(confirmed, owners.with([['10.0.0.2', 'node n2 pod:a/two']]))).toBeUndefined();
  expect(withoutHandedOver(confirmed, owners.with([['10.0.0.2', 'node n2']]))).toBeDefined();
});

test('where unknown senders are not dropped nothing leaves for a moment: that could open', () => {
  const now = owners.with([['10.0.0.1', 'pod:b/heir']]);
  const open = { ...confirmed, ruleset: { ...ruleset, networks: PrefixSet.empty } };
  expect(withoutHandedOver(open, now)).toBeUndefined();
});

test.each([
  ['Enforce', enforce],
  ['Approve', approve],
])(
  'in mode %s an address leaves before its heir has it, and nothing is written for the others',
  async (_, settings) => {
    const { worker, wish, members, driver, digest } = workerOnMemory(settings);
    const seen: string[][] = [];
    const apply = driver.apply.bind(driver);
    driver.apply = async (...given) => {
      await apply(...given);
      seen.push(Object.keys(members()));
      expect(worker.status().conditions[0]).toMatchObject({ type: 'Ready', status: false });
    };
    Object.assign(driver, { endsConnections: true });
    await wish(ruleset, owners);
    worker.approve(digest());
    await worker.settled();
    seen.length = 0;
    const heirs = owners.with([['10.0.0.1', 'pod:b/heir']]);
    await wish({ ...ruleset }, heirs);
    expect(seen).toEqual([
      ['10.0.0.2', '10.0.0.3'],
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
    ]);
    expect(worker.confirmed()?.owners).toBe(heirs);
    seen.length = 0;
    await wish({ ...ruleset, established: 'Keep' }, owners);
    expect(seen.every((each) => each.length === 3)).toBe(true);
  },
);

test('a device that leaves connections alone writes nothing for an heir with the same rights', async () => {
  const { wish, device } = workerOnMemory();
  await wish(ruleset, owners);
  const before = device.dump();
  const { writes } = device;
  await wish({ ...ruleset }, owners.with([['10.0.0.1', 'pod:b/heir']]));
  expect([device.dump(), device.writes]).toEqual([before, writes]);
});

test('what a hand changed is only shown where that is wished, and the heir has the address all the same', async () => {
  const { worker, wish, members, driver, device, may, reason, digest } = workerOnMemory({ ...enforce, drift: 'Show' });
  Object.assign(driver, { endsConnections: true });
  await wish(ruleset, owners);
  device.edit('class bank', undefined, 'alice');
  await worker.settled();
  expect(reason('Drifted')).toBe('ChangedByOthers');
  const { writes } = device;
  let changes = 0;
  device.onChange(() => {
    if (++changes > 20) throw new Error('it is written to for ever');
  });
  await wish({ ...ruleset }, owners.with([['10.0.0.1', 'pod:b/heir']]));
  expect(device.writes - writes).toBeLessThanOrEqual(2);
  expect([may('10.0.0.1'), may('10.0.0.2'), reason('Drifted')]).toEqual([false, false, 'ChangedByOthers']);
  worker.approve(digest());
  await worker.settled();
  expect([may('10.0.0.1'), may('10.0.0.2'), reason('Drifted')]).toEqual([true, true, undefined]);
  expect(Object.keys(members())).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  await worker.stop();
});
