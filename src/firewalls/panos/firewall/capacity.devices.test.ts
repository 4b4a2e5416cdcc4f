import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rulesets } from '../../../../test/kit/rulesets.ts';
import { PATIENCE_MS, tries } from '../../../../test/kit/runs.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { bring, clear, stepsOf, translationOf } from '../../contract/harness.ts';
import { isPart, tagPrefix } from '../entries/entries.ts';
import { FULL, VSYS, byHand, commitByHand, foldersOn, membersOn, registeredOn, writesOn } from '../lab.fixture.ts';
import { fetched } from '../lists/lists.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';
import { named } from '../api/scope.ts';
import { membersAt, nameOf } from '../api/xml.ts';

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

describe('what cannot be registered', () => {
  const lists = { url: 'https://127.0.0.1:1/lists' };
  const beside = fetched([], world(crowd(30, 'bank'), [allowing('bank', '203.0.113.0/24', 443)]));

  test('does not become a list, though lists are fetched there; nor does anything of it come', async () => {
    const device = await border({ capacity: { 'max-registered-ip-address': 20 } });
    const driver = connect(device, { ...FULL, lists });
    const [bare, writes] = [device.dump(), writesOn(device)];
    await expect(stepsOf(driver, world(crowd(30, 'bank')))).rejects.toMatchObject({
      code: 'CAPACITY',
      message: expect.stringContaining('30 registered addresses, where 18 fit') as unknown,
    });
    expect([device.dump(), writesOn(device)]).toEqual([bare, writes]);
  });

  test('keeps no list back that its owner asked for, and is refused all the same', async () => {
    const device = await border({ capacity: { 'max-registered-ip-address': 20 } });
    const driver = connect(device, { ...FULL, lists });
    await bring(driver, world(crowd(18, 'bank')));
    const rules = (): readonly string[] =>
      device
        .dumpSetCommands()
        .split('\n')
        .filter((line) => line.includes(' rules '));
    const held = [rules(), registeredOn(device, true)];
    for (const step of await stepsOf(driver, beside)) await driver.apply(step as never, signal);
    expect(device.dump()).toContain('https://127.0.0.1:1/lists/payments.txt');
    expect([rules(), registeredOn(device, true)]).toEqual(held);
    await expect(stepsOf(driver, beside)).rejects.toMatchObject({ code: 'CAPACITY' });
  });

  test('keeps back no tag that goes: what nothing needs any more makes room', async () => {
    const device = await border({ capacity: { 'max-registered-ip-address': 20 } });
    const left = Array.from({ length: 5 }, (_, at) => `10.7.0.${at + 1}`);
    const entries = left.map((ip) => `<entry ip="${ip}"><tag><member>${tagPrefix('lab')}old</member></tag></entry>`);
    device.byHand({
      type: 'user-id',
      cmd: `<uid-message><version>2.0</version><type>update</type><payload><register>${entries.join('')}</register></payload></uid-message>`,
    });
    const driver = connect(device);
    await bring(driver, world(crowd(18, 'bank')));
    expect(registeredOn(device, true).filter((line) => line.startsWith('10.7.'))).toEqual([]);
    expect(await stepsOf(connect(device), world(crowd(18, 'bank')))).toEqual([]);
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

  test('leaves a part that the device does not let go, with what is in it, and does all else', async () => {
    const device = await border({ capacity: { 'max-address-per-group': 10 } });
    const driver = connect(device);
    await bring(driver, denying(many(40)));
    const [part] = foldersOn(device).objects['address-group'].filter(isPart);
    if (part === undefined) throw new Error('there is no part');
    device.keepPhantomReference(`${VSYS}/address-group/${named(nameOf(part))}`, ' vsys -> vsys1 -> elsewhere');
    await bring(driver, denying(many(3)));
    expect(membersOn(device, ['blocked']).toSorted()).toEqual(many(3).toSorted());
    const { objects } = foldersOn(device);
    expect(objects['address-group'].filter(isPart).map(nameOf)).toEqual([nameOf(part)]);
    expect(objects.address.map(nameOf)).toEqual(expect.arrayContaining([...membersAt(part, 'static')]));
    expect(await stepsOf(driver, denying(many(3)))).toEqual([]);
  });
});
