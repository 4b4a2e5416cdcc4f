import { expect, test } from 'vitest';
import { FakeClock, turns } from '../../../../test/kit/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { OwnLookups } from './own-lookups.ts';

test('a thousand names are asked for one after the other, twenty at a time, and again when their addresses end', async () => {
  const clock = new FakeClock();
  const asked: string[] = [];
  let [underWay, most] = [0, 0];
  const lookups = new OwnLookups({
    lookUp: async (name) => {
      asked.push(name);
      most = Math.max(most, ++underWay);
      await turns();
      underWay--;
      return name === 'short.' ? 5 : 60;
    },
    clock,
    log: silentLog,
  });
  const names = ['short.', ...Array.from({ length: 999 }, (_, n) => `name-${n}.`)];
  lookups.follow(new Set(names));
  expect(asked).toEqual([]);
  lookups.step();
  await expect.poll(() => underWay + 2_000 - asked.length).toBe(0);
  // Both families of each.
  expect([most, new Set(asked).size]).toEqual([40, names.length]);
  asked.length = 0;
  await turns();
  clock.advance(10_000);
  lookups.step();
  await turns();
  expect(asked).toEqual(['short.', 'short.']);
});
