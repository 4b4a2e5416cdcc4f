import { describe, expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { type AnyDriver, bring, translationOf } from '../../contract/harness.ts';
import { byHand, commitByHand, loseRegistered } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const signal = new AbortController().signal;
const { border, connect } = closedAfterEach();

async function start(
  members: readonly string[],
): Promise<{ readonly device: PanOs; readonly driver: AnyDriver; readonly clock: FakeClock }> {
  const device = await border();
  const clock = new FakeClock();
  const driver = connect(device, { position: 'Last' }, { clock });
  await bring(driver, group(members));
  return { device, driver, clock };
}

function group(members: readonly string[]): Ruleset {
  const payments: Group = {
    id: 'payments-4',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'payments',
    resource: 'AddressGroup/payments',
    use: 'Allow',
    members: BucketMap.from(members.map((one) => [one, true as const])),
  };
  return world({}, [], { groups: new Map([[payments.id, payments]]) });
}

/** Carries out what a new ruleset takes, and returns what the device was asked when it was read afterwards. */
async function askedAfter(device: PanOs, driver: AnyDriver, members: readonly string[]): Promise<readonly string[]> {
  const wanted = await translationOf(driver, group(members));
  const [step, ...rest] = driver.steps(await driver.observe(signal), wanted);
  expect([step?.kind, rest.length]).toEqual(['Members', 0]);
  if (step !== undefined) await driver.apply(step, signal);
  device.served.length = 0;
  expect(driver.steps(await driver.observe(signal), wanted)).toEqual([]);
  return device.served.map(({ parameters }) => `${parameters['type']} ${parameters['cmd'] ?? ''}`).toSorted();
}

const WHOLE = /show><(?:jobs|system)>|pending-changes|high-availability/;

describe('read right after a registration of ours', () => {
  test('only registered addresses are asked for, all of them where they are one page', async () => {
    const { device, driver } = await start(['10.0.0.1']);
    const asked = await askedAfter(device, driver, ['10.0.0.1', '10.0.0.2']);
    expect(asked).toEqual([expect.stringContaining('<limit>500</limit>')]);
  });

  test('where they are several pages the addresses of the registration alone, with marker and number', async () => {
    const many = Array.from({ length: 600 }, (_, at) => `10.1.${at >> 8}.${at & 255}`);
    const { device, driver } = await start(many);
    const asked = await askedAfter(device, driver, [...many, '10.0.0.2']);
    expect(asked.filter((one) => one.includes('10.0.0.2'))).toHaveLength(1);
    expect(asked).toHaveLength(3);
    expect(asked.filter((one) => WHOLE.test(one))).toEqual([]);
  });

  test('the next reading asks for everything, and finds what a hand did meanwhile', async () => {
    const { device, driver } = await start(['10.0.0.1']);
    const wanted = await translationOf(driver, group(['10.0.0.1', '10.0.0.2']));
    for (const step of driver.steps(await driver.observe(signal), wanted)) await driver.apply(step, signal);
    byHand(device, 'delete', "/address-group/entry[@name='payments']");
    await commitByHand(device);
    await driver.observe(signal);
    expect((await driver.observe(signal)).drift).toContainEqual(expect.objectContaining({ object: 'payments' }));
  });

  test('in a stream of registrations everything is asked for once a second all the same', async () => {
    const { device, driver, clock } = await start(['10.0.0.1']);
    const members = ['10.0.0.1'];
    let whole = 0;
    for (let second = 0; second < 3; second++) {
      members.push(`10.0.1.${second}`);
      const wanted = await translationOf(driver, group(members));
      const steps = driver.steps(await driver.observe(signal), wanted);
      for (const step of steps) await driver.apply(step, signal);
      clock.advance(1_000);
      device.served.length = 0;
      await driver.observe(signal);
      if (device.served.some(({ parameters }) => WHOLE.test(parameters['cmd'] ?? ''))) whole++;
    }
    expect(whole).toBe(3);
  });

  test('lost addresses are found though the rest is not asked for', async () => {
    const { device, driver } = await start(['10.0.0.1', '10.0.0.2']);
    const wanted = await translationOf(driver, group(['10.0.0.1', '10.0.0.2', '10.0.0.3']));
    for (const step of driver.steps(await driver.observe(signal), wanted)) await driver.apply(step, signal);
    loseRegistered(device);
    const steps = driver.steps(await driver.observe(signal), wanted);
    expect(steps.map(({ kind }) => kind)).toContain('Members');
  });
});
