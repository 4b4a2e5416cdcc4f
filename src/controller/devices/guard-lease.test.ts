import { expect, test } from 'vitest';
import { GuardLease } from './guard-lease.ts';

const OF = { cluster: 'lab', firewall: 'edge-1' };
const MEMORY = {
  hour: [{ list: 'web', gained: [], lost: [[60_000, 3] as [number, number]] }],
  yeses: [],
  unsureUntil: 7,
};

test('what is kept is what is loaded by whoever has the Lease next', async () => {
  let text: string | undefined;
  const left = {
    read: () => text,
    keep: (given: string) => {
      text = given;
      return Promise.resolve();
    },
  };
  expect(await new GuardLease(left, OF).load()).toBeUndefined();
  await new GuardLease(left, OF).keep(MEMORY);
  expect(await new GuardLease(left, OF).load()).toEqual(MEMORY);
  await expect(new GuardLease(left, { ...OF, firewall: 'edge-2' }).load()).rejects.toMatchObject({
    code: 'GUARD_MEMORY',
  });
  text = text?.replace('60000', '"now"');
  await expect(new GuardLease(left, OF).load()).rejects.toMatchObject({ code: 'GUARD_MEMORY' });
});
