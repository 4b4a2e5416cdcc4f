import { describe, expect, test } from 'vitest';
import { FACTS, smallMachine } from '../../test/kit/machine.ts';
import { parseAddress } from '../ip/address.ts';
import { type BaseInput, baseRules } from './base-rules.ts';

const { networks } = smallMachine('').input;
const proxy = parseAddress('198.51.100.2');
const inputs: readonly (readonly [string, BaseInput])[] = [
  ['plain', { networks, vpn: false, proxy: undefined }],
  ['vpn', { networks, vpn: true, proxy: undefined }],
  ['proxy', { networks, vpn: false, proxy }],
  ['proxy-port', { networks, vpn: false, proxy, dnsPort: 5353 }],
  ['proxy-ipv6-port', { networks, vpn: false, proxy: parseAddress('2001:db8:100::2'), dnsPort: 5353 }],
  ['proxy-ipv6', { networks, vpn: false, proxy: parseAddress('2001:db8:100::2') }],
];

describe('the base rules of a machine', () => {
  test.each(inputs)('golden: %s', async (name, input) => {
    await expect(baseRules(input)).toMatchFileSnapshot(`golden/base-${name}.rules`);
  });

  test('without the networks that tell inside from outside, none are made', () => {
    const without = (role: string): BaseInput => ({
      networks: networks.filter((network) => network.role !== role),
      vpn: false,
      proxy,
    });
    expect([baseRules(without('primary')), baseRules(without('underlay'))]).toEqual([undefined, undefined]);
  });

  test('both families of the cluster are hidden behind each network that translates', () => {
    const facts = FACTS.replace('prefixes: [10.0.0.0/22]', 'prefixes: [10.0.0.0/22, "2001:db8:42::/64"]');
    const text = baseRules({ networks: smallMachine('', { facts }).input.networks, vpn: false, proxy }) ?? '';
    expect(text.split('\n').filter((line) => line.includes('masquerade'))).toEqual([
      '        oifname "vlan104009" ip saddr 10.0.0.0/22 ip daddr != 198.51.100.2 counter masquerade random comment "snat (networkid: internet)"',
      '        oifname "vlan104009" ip6 saddr 2001:db8:42::/64 counter masquerade random comment "snat (networkid: internet)"',
    ]);
  });

  test('a cluster whose network lies outside the reserved ones may ask the proxy that its questions are led to', () => {
    const asks = (prefixes: string, at: string): readonly string[] => {
      const facts = FACTS.replace('prefixes: [10.0.0.0/22]', `prefixes: ${prefixes}`);
      const { input } = smallMachine('', { facts });
      return (baseRules({ networks: input.networks, vpn: false, proxy: parseAddress(at) }) ?? '')
        .split('\n')
        .filter((line) => line.includes('tcp domain for dns proxy'))
        .map((line) => line.trim().split(' counter ')[0] ?? '');
    };
    expect(asks('["2001:db8:42::/64", "fd00:42::/64", 10.0.0.0/22]', '2001:db8:100::2')).toEqual([
      'ip6 saddr { fd00::/8, 2001:db8:42::/64 } ip6 daddr 2001:db8:100::2 tcp dport 53',
    ]);
    expect(asks('[10.0.0.0/22, 172.20.0.0/16]', '198.51.100.2')).toEqual([
      'ip saddr { 10.0.0.0/8, 172.20.0.0/16 } ip daddr 198.51.100.2 tcp dport 53',
    ]);
  });
});
