import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { driverContract } from '../contract/driver-contract.ts';
import type { DriverHarness } from '../contract/harness.ts';

const OPTIONS = {
  zones: { from: ['port2'], to: ['port1'] },
  position: { before: 'their rule' },
  form: 'Full',
  securityProfile: 'none',
  log: 'All',
};

async function make(): Promise<DriverHarness> {
  const simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { hand } = simulated.device;
  hand.settings('system/settings', { 'central-nat': 'enable' });
  simulated.addForeignRules();
  const ours = (table: string): readonly string[] => simulated.keysOfOurs(table);
  const ways: readonly (() => void)[] = [
    () => hand.delete('firewall/policy', ours('firewall/policy')[0] ?? ''),
    () => hand.set('firewall/policy', ours('firewall/policy')[0] ?? '', { status: 'disable' }),
    () => hand.set('firewall/policy', ours('firewall/policy')[0] ?? '', { action: 'deny' }),
    () => hand.set('firewall/policy', ours('firewall/policy')[0] ?? '', { service: [{ name: 'ALL' }] }),
    () => hand.set('firewall/policy', ours('firewall/policy')[0] ?? '', { 'dstaddr-negate': 'enable' }),
    () => hand.move('firewall/policy', ours('firewall/policy')[0] ?? '', 'after', ours('firewall/policy').at(-1) ?? ''),
    () => hand.move('firewall/policy', ours('firewall/policy')[0] ?? '', 'after', simulated.keyOfForeignRule()),
    () => hand.removeMember('firewall/addrgrp', simulated.groupWith('10.0.0.1'), simulated.objectOf('10.0.0.1')),
    () => hand.addMember('firewall/addrgrp', simulated.groupWith('10.0.0.1'), 'theirs'),
    () => hand.set('firewall/address', simulated.objectOf('10.0.0.1'), { subnet: '10.0.0.99/32' }),
    () => hand.set('firewall.service/custom', ours('firewall.service/custom')[0] ?? '', { 'tcp-portrange': '22' }),
  ];
  return {
    connect: () => simulated.connect(OPTIONS),
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

driverContract('fortigate', make, {
  says: 'fortigate',
  runs: 3,
  exempt: {
    '0 members change no rule':
      'a SourceNAT has one rule for each address that somebody is translated to, which goes with the last of them; without translations: members.test.ts',
  },
});
