import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { allowing, crowd, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import { bring, clear, stepsOf, translationOf } from '../contract/harness.ts';
import { byHand, commitByHand, membersOn, writesOn } from './lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const signal = new AbortController().signal;
const { border, connect } = closedAfterEach();

/** An AddressGroup on which a Deny rests: it is configured. */
function denying(members: readonly string[]): Ruleset {
  const group: Group = {
    id: 'deny',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'blocked',
    resource: 'AddressGroup/blocked',
    use: 'Deny',
    members: BucketMap.from(members.map((address) => [address, true as const])),
  };
  return world({}, [], { groups: new Map([['deny', group]]) });
}

const many = (count: number): readonly string[] => Object.keys(crowd(count, 'x', 9));

describe('what does not fit is refused before anything is sent, with use and limit', () => {
  test('the address after the last that can be registered; who leaves goes all the same', async () => {
    const device = await border({ capacity: { 'max-registered-ip-address': 20 } });
    const driver = connect(device);
    await bring(driver, world(crowd(18, 'bank')));
    const writes = writesOn(device);
    await expect(stepsOf(driver, world(crowd(19, 'bank')))).rejects.toMatchObject({
      code: 'CAPACITY',
      message: expect.stringMatching(
        /^PAN-OS would need 19 registered addresses, where 18 fit \(20 in all, 2 are of others\)\. Write `options.members: Group`.* `as: Feed`/,
      ) as unknown,
    });
    expect(writesOn(device)).toBe(writes);
    const { '10.0.0.1': _gone, ...rest } = crowd(30, 'bank');
    const steps = await stepsOf(driver, world(rest));
    expect(steps.map(({ urgent }) => urgent)).toEqual([true]);
  });

  test.each([
    ['max-address', 'address objects'],
    ['max-address-group', 'groups'],
    ['max-service', 'services'],
    ['max-policy-rule', 'rules'],
  ] as const)('%s', async (key, what) => {
    const device = await border({ capacity: { [key]: 3 } });
    const classes = [22, 80, 443].map((port) => allowing(`c${port}`, `203.0.113.${port % 250}/32`, port));
    const wanted = world({ '10.0.0.1': 'c22', '10.0.0.2': 'c80', '10.0.0.3': 'c443', '10.0.0.4': 'd' }, [
      ...classes,
      allowing('d', '198.51.100.0/24', 8080),
    ]);
    const writes = writesOn(device);
    await expect(stepsOf(connect(device), wanted)).rejects.toMatchObject({
      code: 'CAPACITY',
      message: expect.stringMatching(new RegExp(`\\d+ ${what}, where \\d fit`)) as unknown,
    });
    expect(writesOn(device)).toBe(writes);
  });
});

test(
  'what a ruleset takes is counted to the entry, what stands in for nobody and parts of groups included',
  async () => {
    await fc.assert(
      fc.asyncProperty(rulesets({ portsAlone: true, translated: [4] }), fc.boolean(), async (drawn, isLarge) => {
        const device = await border({ capacity: { 'max-address-per-group': 10 } });
        const driver = connect(device);
        const blocked = denying(isLarge ? many(40) : []).groups;
        const ruleset = { ...drawn, groups: new Map([...drawn.groups, ...blocked]) };
        const { refusals } = await translationOf(driver, ruleset);
        fc.pre(refusals.length === 0);
        const before = await driver.observe(signal);
        await bring(driver, ruleset);
        const { rooms, observed, tables = [] } = await driver.observe(signal);
        for (const key of ['objects', 'groups', 'services'] as const) {
          const sum = [...new Map(rooms?.takes?.[key]?.(observed)).values()].reduce((all, one) => all + one, 0);
          expect({ key, sum }).toEqual({ key, sum: rooms?.[key]?.ours });
          // What others have is what was there before.
          expect(rooms?.[key]?.others).toBe(before.rooms?.[key]?.others);
        }
        expect(tables.map(({ table }) => table)).toContain('registered addresses');
      }),
      { ...tries(3), endOnFailure: true },
    );
  },
  PATIENCE_MS,
);

describe('a group of more members than one may have', () => {
  test('is several, that say the same, at every size and back', async () => {
    const device = await border({ capacity: { 'max-address-per-group': 10 } });
    const bare = device.dump();
    const driver = connect(device);
    for (const count of [10, 11, 64, 65, 35, 9, 40]) {
      await bring(driver, denying(many(count)));
      expect(membersOn(device, ['blocked']).toSorted()).toEqual(many(count).toSorted());
      expect(await stepsOf(connect(device), denying(many(count)))).toEqual([]);
    }
    byHand(device, 'set', "/rulebase/security/rules/entry[@name='rest']/source", {
      element: '<member>blocked</member>',
    });
    byHand(device, 'delete', "/rulebase/security/rules/entry[@name='rest']/source/member[text()='any']");
    await commitByHand(device);
    await clear(driver);
    expect(membersOn(device, ['blocked'])).toHaveLength(40);
    byHand(device, 'edit', "/rulebase/security/rules/entry[@name='rest']/source", {
      element: '<source><member>any</member></source>',
    });
    await commitByHand(device);
    await clear(driver);
    expect(device.dump()).toBe(bare);
  });
});
