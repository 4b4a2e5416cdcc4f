import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rulesets, withOtherMembers } from '../../../test/kit/rulesets.ts';
import { tries } from '../../../test/kit/runs.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { familyOf } from '../../ip/address.ts';
import { type AnyDriver, bring, stepsOf } from '../contract/harness.ts';
import { RULES } from './contract.fixture.ts';

const OPTIONS = { ...RULES, position: 'Last', log: 'None' };

test('addresses that join, leave and move change no policy', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.6.3' });
  simulated.addForeignRules();
  const pairs = rulesets({ addressGroups: false, translations: false }).chain((one) =>
    fc.tuple(fc.constant(one), withOtherMembers(one)),
  );
  await fc.assert(
    fc.asyncProperty(pairs, async ([old, now]) => {
      const driver = simulated.connect(OPTIONS);
      await bring(driver, old);
      const steps = await stepsOf(driver, now);
      expect(steps.map(({ kind }) => kind)).not.toContain('Rules');
      const policies = simulated.keysOfOurs('firewall/policy');
      await bring(driver, now);
      expect(simulated.keysOfOurs('firewall/policy')).toEqual(policies);
    }),
    { ...tries(3), endOnFailure: true },
  );
});

test.each([999, 1_000, 2_100])('a list of %i addresses is read back whole, page by page', async (many) => {
  await using simulated = await SimulatedDevice.start({ version: '7.6.3' });
  const addresses = Array.from({ length: many }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
  const members = BucketMap.from(addresses.map((address) => [address, true as const]));
  const named = { deviceName: 'payments', resource: 'AddressGroup/payments', use: 'Allow', members } as const;
  const wish = world({}, [], { groups: new Map([['a', { id: 'a', kind: 'AddressGroup', family: 4, ...named }]]) });
  const driver: AnyDriver = simulated.connect(OPTIONS);
  await bring(driver, wish);
  expect(await stepsOf(driver, wish)).toEqual([]);
});

test('a list holds somebody who stands for nobody of each family without members, and of no other, whoever came and went', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.6.3' });
  const driver: AnyDriver = simulated.connect(OPTIONS);
  const held = async (...addresses: readonly string[]): Promise<readonly string[]> => {
    const named = {
      kind: 'AddressGroup',
      deviceName: 'payments',
      resource: 'AddressGroup/payments',
      use: 'Allow',
    } as const;
    const groups = ([4, 6] as const).map((family) => {
      const own = addresses.filter((address) => familyOf(address) === family);
      const members = BucketMap.from(own.map((address) => [address, true as const]));
      return [`a${family}`, { ...named, id: `a${family}`, family, members }] as const;
    });
    await bring(driver, world({}, [], { groups: new Map(groups) }));
    return (/holds (.*)/.exec(simulated.ours())?.[1] ?? '').split(',').toSorted();
  };
  expect(await held('10.0.0.1')).toEqual(['10.0.0.1', '::']);
  expect(await held('10.0.0.1', 'fd00::1')).toEqual(['10.0.0.1', 'fd00::1']);
  expect(await held('fd00::1')).toEqual(['0.0.0.0', 'fd00::1']);
  expect(await held()).toEqual(['0.0.0.0', '::']);
});
