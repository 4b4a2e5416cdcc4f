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

async function make(centralNat: 'enable' | 'disable', options: object = OPTIONS): Promise<DriverHarness> {
  const simulated = await SimulatedDevice.start({ version: '7.4.8' });
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

driverContract('fortigate', () => make('enable'), {
  says: 'fortigate',
  runs: 3,
  exempt: {
    '0 members change no rule':
      'a SourceNAT has one rule for each address that somebody is translated to, which goes with the last of them; without translations: members.devices.test.ts',
  },
});

driverContract('fortigate, whose policies translate', () => make('disable'), {
  runs: 1,
  // What a policy cannot translate is refused, and has tests of its own: those worlds are no part of this.
  draws: { decided: true },
  exempt: {
    '0 members change no rule': 'each address that somebody is translated to has rules of its own',
    '5 one bad thing harms only itself':
      'whoever is translated is told apart by rules, so that what is refused for him is more',
  },
});

const FILTER = { zones: OPTIONS.zones, position: OPTIONS.position, form: 'Filter', layout: 'Group' };

driverContract('fortigate, denies alone, by groups', () => make('enable', FILTER), {
  runs: 1,
  exempt: { '0 members change no rule': 'as above; and groups that nobody is in any more go' },
});
