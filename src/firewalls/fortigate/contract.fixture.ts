import type { FortiGateOptions } from '../../../simulators/fortigate/index.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import type { DriverHarness } from '../contract/harness.ts';

/** Options of a BorderFirewall that holds rules and translations. */
export const RULES = {
  zones: { from: ['port2'], to: ['port1'] },
  position: 'First',
  form: 'Full',
  securityProfile: 'none',
  log: 'All',
};

/** The same, before a rule of somebody else. */
const OPTIONS = { ...RULES, position: { before: 'their rule' } };

/** The same, where rules deny alone. */
export const FILTER = { zones: OPTIONS.zones, position: OPTIONS.position, form: 'Filter', layout: 'Group' };

/** A FortiGate with rules of somebody else, as all drivers are tested. */
export async function contractHarness(
  centralNat: 'enable' | 'disable',
  options: object = OPTIONS,
  device: FortiGateOptions = { version: '7.4.8' },
): Promise<DriverHarness> {
  const simulated = await SimulatedDevice.start(device);
  const { hand } = simulated.device;
  hand.settings('system/settings', { 'central-nat': centralNat });
  simulated.addForeignRules();
  const ours = (table: string): readonly string[] => simulated.keysOfOurs(table);
  const denies = !JSON.stringify(options).includes('Full');
  const ways: readonly (() => void)[] = [
    () => hand.delete('firewall/policy', ours('firewall/policy')[0] ?? ''),
    () => hand.set('firewall/policy', ours('firewall/policy')[0] ?? '', { status: 'disable' }),
    () => hand.set('firewall/policy', ours('firewall/policy')[0] ?? '', { action: denies ? 'accept' : 'deny' }),
    () => hand.set('firewall/policy', ours('firewall/policy')[0] ?? '', { service: [{ name: 'ALL' }] }),
    () => hand.set('firewall/policy', ours('firewall/policy')[0] ?? '', { 'dstaddr-negate': 'enable' }),
    () => hand.move('firewall/policy', ours('firewall/policy')[0] ?? '', 'after', ours('firewall/policy').at(-1) ?? ''),
    () => hand.move('firewall/policy', ours('firewall/policy')[0] ?? '', 'after', simulated.keyOfForeignRule()),
    () => hand.removeMember('firewall/addrgrp', simulated.groupWith('10.0.0.1'), simulated.objectOf('10.0.0.1')),
    () => hand.addMember('firewall/addrgrp', simulated.groupWith('10.0.0.1'), 'theirs'),
    () => hand.set('firewall/address', simulated.objectOf('10.0.0.1'), { subnet: '10.0.0.99/32' }),
    () => {
      const key = ours('firewall.service/custom')[0] ?? '';
      // All protocols but some, where policies deny alone.
      const hasPorts = !JSON.stringify(hand.get('firewall.service/custom', key)).includes('"IP"');
      hand.set('firewall.service/custom', key, hasPorts ? { 'tcp-portrange': '22' } : { 'protocol-number': 99 });
    },
  ];
  return {
    connect: () => simulated.connect(options),
    ours: () => Promise.resolve(simulated.ours()),
    foreign: () => Promise.resolve(simulated.foreign()),
    received: () => simulated.received,
    tamper: (variant) => {
      ways[variant]?.();
      return Promise.resolve(variant < ways.length);
    },
    close: () => simulated[Symbol.asyncDispose](),
  };
}
