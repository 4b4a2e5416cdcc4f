import { expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { allowing, crowd, passing, translating, world } from '../../../test/kit/worlds.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { type AnyDriver, bring, stepsOf, translationOf } from '../contract/harness.ts';

const BETWEEN = { zones: { from: ['port2'], to: ['port1'] }, position: 'First' };
const FULL = { ...BETWEEN, form: 'Full', securityProfile: 'none', log: 'All' };
const signal = new AbortController().signal;

async function translatingByPolicies(): Promise<SimulatedDevice> {
  const simulated = await SimulatedDevice.start({ version: '7.4.8' });
  simulated.device.hand.settings('system/settings', { 'central-nat': 'disable' });
  return simulated;
}

/** Three pods, two of which are translated towards one prefix. */
function bank(networks = '203.0.113.0/24'): Ruleset {
  const address = { kind: 'Address', address: '198.18.0.1' } as const;
  const nat = translating('out', { '10.0.0.1': address, '10.0.0.2': address });
  return world(crowd(3, 'bank'), [allowing('bank', '203.0.113.0/24', 443)], {
    nats: [{ ...nat, destination: PrefixSet.parse([networks]) }],
  });
}

async function refusalsOf(driver: AnyDriver, ruleset: Ruleset): Promise<readonly string[]> {
  const { refusals } = await translationOf(driver, ruleset);
  return refusals.map(({ code, object, message }) => `${code} ${object}: ${message}`);
}

function leavesFrom(simulated: SimulatedDevice, source: string): unknown {
  const packet = { source, destination: '203.0.113.7', protocol: 6, sourcePort: 50_000, destinationPort: 443 };
  const { verdict, source: from } = simulated.device.wouldPass({ ...packet, from: 'port2', to: 'port1' });
  return verdict === 'deny' ? verdict : from.kind === 'pool' ? from.ranges : from.kind;
}

test('policies of ours translate what they accept, and nothing else', async () => {
  await using simulated = await translatingByPolicies();
  const bare = simulated.device.dump();
  const driver: AnyDriver = simulated.connect(FULL);
  expect((await translationOf(driver, bank())).refusals).toEqual([]);
  await bring(driver, bank());
  await expect(simulated.ours()).toMatchFileSnapshot('golden/policy-translation.txt');
  expect(leavesFrom(simulated, '10.0.0.1')).toEqual(['198.18.0.1-198.18.0.1']);
  expect(leavesFrom(simulated, '10.0.0.3')).toBe('none');
  expect(await stepsOf(simulated.connect(FULL), bank())).toEqual([]);
  await bring(driver, bank('203.0.113.128/25'));
  expect(leavesFrom(simulated, '10.0.0.1')).toBe('none');
  for (const step of driver.leave(await driver.observe(signal), { cluster: 'lab', firewall: 'edge-1' }))
    await driver.apply(step, signal);
  expect(simulated.device.dump()).toBe(bare);
});

const CENTRAL =
  'set `central-nat` of the VDOM to `enable`, if its other policies can do without translations of their own';

test('what our policies leave to others cannot be translated: it is dropped, and told', async () => {
  await using simulated = await translatingByPolicies();
  const unselected = { ...bank(), classes: new Map([['bank', passing('bank')]]) };
  const full: AnyDriver = simulated.connect(FULL);
  expect(await refusalsOf(full, unselected)).toEqual([
    `DEVICE_CANNOT_SAY SourceNAT/out: FortiGate 7.4.8 translates by the rule that allows a flow, and some flows of this SourceNAT are allowed by no rule of ours, but left to rules of others; the flows that would be translated are dropped. Allow them by a policy here, narrow \`destination\` of the SourceNAT to what policies allow, or ${CENTRAL}`,
  ]);
  await bring(full, unselected);
  expect(leavesFrom(simulated, '10.0.0.1')).toBe('deny');
  const filter: AnyDriver = simulated.connect({ ...BETWEEN, form: 'Filter' });
  expect(await refusalsOf(filter, bank())).toEqual([
    `DEVICE_CANNOT_SAY SourceNAT/out: FortiGate 7.4.8 translates by the rule that allows a flow, and ours deny alone (options.form is Filter); the flows that would be translated are dropped. Choose form Full, or ${CENTRAL}`,
  ]);
});

test('of which addresses of a domain are translated nobody can tell: nothing to it is allowed, and told', async () => {
  await using simulated = await translatingByPolicies();
  const named = allowing('bank', '203.0.113.0/24', 443);
  const outside = { groups: [], notGroups: [], domains: ['bank.example'] };
  const parts = named.parts.map((part) => ({
    ...part,
    stages: part.stages.map((stage) => ({ ...stage, rules: stage.rules.map((rule) => ({ ...rule, outside })) })),
  }));
  const full: AnyDriver = simulated.connect(FULL);
  expect(await refusalsOf(full, { ...bank(), classes: new Map([['bank', { ...named, parts }]]) })).toEqual([
    `DEVICE_CANNOT_SAY ClusterBorderPolicy/bank: FortiGate 7.4.8 translates by the rule that allows a flow, and cannot tell which addresses of bank.example SourceNAT/out is for; the rule allows nothing to them. Name addresses in place of the domains, let the SourceNAT be for all destinations, or ${CENTRAL}`,
  ]);
});

test.each([
  ['disable', 'enable'],
  ['enable', 'disable'],
])(
  'central-nat that somebody changes from %s to %s between plan and commit: nothing of the plan is done; set back unseen, nothing is written',
  async (was, is) => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    const { hand } = simulated.device;
    hand.settings('system/settings', { 'central-nat': was });
    const driver: AnyDriver = simulated.connect(FULL);
    await bring(driver, bank());
    const held = simulated.ours();
    const [step] = await stepsOf(driver, bank('203.0.113.128/25'));
    if (step === undefined) throw new Error('there is nothing to do');
    hand.settings('system/settings', { 'central-nat': is });
    await expect(driver.apply(step, signal)).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
    expect(simulated.ours()).toBe(held);
    hand.settings('system/settings', { 'central-nat': was });
    const writes = simulated.writes().length;
    expect(await stepsOf(driver, bank())).toEqual([]);
    expect(simulated.writes().length).toBe(writes);
    await bring(driver, bank('203.0.113.128/25'));
    expect(leavesFrom(simulated, '10.0.0.1')).toBe('none');
  },
);

test.each([
  ['disable', 'enable'],
  ['enable', 'disable'],
])(
  'central-nat that somebody changes from %s to %s stops us, until it is set back or our translations are gone',
  async (was, is) => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    const { hand } = simulated.device;
    hand.settings('system/settings', { 'central-nat': was });
    const driver: AnyDriver = simulated.connect(FULL);
    await bring(driver, bank());
    const held = simulated.ours();
    hand.settings('system/settings', { 'central-nat': is });
    // Asked anew, as after each DEVICE_BUSY.
    await expect(driver.observe(signal)).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
    await driver.capabilities(signal);
    await expect(stepsOf(driver, bank())).rejects.toMatchObject({ code: 'TRANSLATION_MODE', blame: 'rejected' });
    expect(simulated.ours()).toBe(held);
    hand.settings('system/settings', { 'central-nat': was });
    await driver.capabilities(signal);
    expect(await stepsOf(driver, bank())).toEqual([]);
    hand.settings('system/settings', { 'central-nat': is });
    const table = is === 'disable' ? 'firewall/central-snat-map' : 'firewall/policy';
    for (const key of simulated.keysOfOurs(table)) hand.delete(table, key);
    const next: AnyDriver = simulated.connect(FULL);
    await bring(next, bank());
    expect(leavesFrom(simulated, '10.0.0.1')).toEqual(['198.18.0.1-198.18.0.1']);
  },
);
