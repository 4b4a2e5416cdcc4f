import { expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { bring, clear, stepsOf } from '../../contract/harness.ts';
import type { PanosDriver } from './driver.ts';
import { ACCOUNT, FULL, byHand, commitByHand } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const signal = new AbortController().signal;
const lab = closedAfterEach();

function connect(device: PanOs, members: 'Tag' | 'Group'): PanosDriver {
  return lab.connect(device, { ...FULL, members });
}

function wish(members: readonly string[]): Ruleset {
  const group: Group = {
    id: 'a',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'payments',
    resource: 'AddressGroup/payments',
    use: 'Allow',
    members: BucketMap.from(members.map((address) => [address, true as const])),
  };
  const classes = [allowing('bank', '203.0.113.0/24', 443)];
  return world(Object.fromEntries(members.map((one) => [one, 'bank'])), classes, { groups: new Map([['a', group]]) });
}

const asked = (device: PanOs, type: string): number =>
  device.served.filter(({ parameters }) => parameters['type'] === type).length;
const passes = (device: PanOs, source: string): boolean =>
  device.passes({
    source,
    destination: '203.0.113.7',
    protocol: 'tcp',
    destinationPort: 443,
    from: 'k8s',
    to: 'internet',
  }).verdict === 'pass';

test('an account without the right to register addresses is enough where members are configured', async () => {
  const device = await lab.border();
  const bare = [device.dump(), device.dumpRegistered()];
  device.accounts.put({ ...ACCOUNT, role: ['config', 'op', 'commit'] });
  await expect(bring(connect(device, 'Tag'), wish(['10.0.0.1']))).rejects.toMatchObject({ code: 'DEVICE_RIGHTS' });
  const driver = connect(device, 'Group');
  for (const members of [['10.0.0.1'], ['10.0.0.1', '10.0.0.2'], ['10.0.0.2']]) {
    await bring(driver, wish(members));
    expect(['10.0.0.1', '10.0.0.2'].filter((one) => passes(device, one))).toEqual(members);
    expect(await stepsOf(connect(device, 'Group'), wish(members))).toEqual([]);
  }
  expect(asked(device, 'user-id')).toBe(1);
  await clear(driver);
  expect([device.dump(), device.dumpRegistered()]).toEqual(bare);
});

test('a step that was made for another configuration is refused without a marker, too', async () => {
  const device = await lab.border();
  await bring(connect(device, 'Group'), wish(['10.0.0.1']));
  const late = connect(device, 'Group');
  const [step] = await stepsOf(late, wish(['10.0.0.2']));
  await bring(connect(device, 'Group'), wish(['10.0.0.3']));
  await expect(late.apply(step as never, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
});

test('tags become groups and groups tags, and nobody is without his rights in between', async () => {
  const device = await lab.border();
  const members = Object.keys(crowd(3, 'bank'));
  await bring(connect(device, 'Tag'), wish(members));
  byHand(device, 'edit', "/rulebase/security/rules/entry[@name='first']/source", {
    element: '<source><member>payments</member></source>',
  });
  byHand(device, 'edit', "/rulebase/security/rules/entry[@name='first']/action", { element: '<action>allow</action>' });
  byHand(device, 'edit', "/rulebase/security/rules/entry[@name='rest']/action", { element: '<action>deny</action>' });
  await commitByHand(device);
  for (const way of ['Group', 'Tag', 'Group'] as const) {
    const driver = connect(device, way);
    for (let round = 0; round < 4; round++)
      for (const step of await stepsOf(driver, wish(members))) {
        await driver.apply(step as never, signal);
        expect(
          members.filter((one) => !passes(device, one)),
          `${way}: ${step.title}`,
        ).toEqual([]);
      }
    expect(await stepsOf(connect(device, way), wish(members))).toEqual([]);
    expect(/<entry name="payments">[^]*?<\/entry>/.exec(device.dump())?.[0].includes('<dynamic>')).toBe(way === 'Tag');
  }
  expect(
    device
      .dumpRegistered()
      .split('\n')
      .filter((line) => line.includes('payments')),
  ).toEqual([]);
});
