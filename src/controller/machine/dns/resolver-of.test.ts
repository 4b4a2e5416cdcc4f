import { expect, test } from 'vitest';
import { FACTS, firewall, smallMachine } from '../../../../test/kit/machine.ts';
import { resolverOf } from './resolver-of.ts';

const IPV6 = FACTS.replace('ips: [198.51.100.2]', 'ips: ["2001:db8:100::2"]');

test.each([
  ['the Firewall names none', '{}', FACTS, '8.8.8.8', 53, false],
  ['nor does its port count then', '{ dnsPort: 5353 }', FACTS, '8.8.8.8', 53, false],
  ['it names one', '{ dnsServerAddress: 9.9.9.9 }', FACTS, '9.9.9.9', 53, false],
  ['with a port', '{ dnsServerAddress: 9.9.9.9, dnsPort: 5353 }', FACTS, '9.9.9.9', 5353, false],
  ['it names the proxy itself', '{ dnsServerAddress: 198.51.100.2, dnsPort: 5353 }', FACTS, '8.8.8.8', 53, true],
  ['a machine of IPv6 alone reaches none of IPv4', '{}', IPV6, '2001:4860:4860::8888', 53, false],
  ['nor where it names itself', '{ dnsServerAddress: "2001:db8:100::2" }', IPV6, '2001:4860:4860::8888', 53, true],
  ['one that is named counts', '{ dnsServerAddress: 9.9.9.9 }', IPV6, '9.9.9.9', 53, false],
  ['both families', '{}', IPV6.replace('::2"]', '::2", 198.51.100.2]'), '8.8.8.8', 53, false],
  ['an address that is not known', '{}', FACTS.replace('ips: [198.51.100.2]', 'ips: []'), '8.8.8.8', 53, false],
])('whom the DNS proxy asks: %s', (_, spec, facts, address, port, isWrong) => {
  const { resolver, problem } = resolverOf(smallMachine(firewall(spec), { facts }).input);
  expect([resolver, problem !== undefined]).toEqual([{ address, port }, isWrong]);
});
