import { expect, test } from 'vitest';
import { heldMeanwhile } from './exceptions-in-kernel.ts';

const END = 'tcp dport { 443 } counter accept comment "accept traffic for np p tcp"';

const MANY = Array.from({ length: 17 }, (_, n) => `192.0.2.${n}/32`).join(', ');
const MANY6 = Array.from({ length: 17 }, (_, n) => `2001:db8:${n}::/48`).join(', ');

test.each([
  [
    'are compared one by one',
    `ip daddr != { 192.0.2.1/32, 10.0.0.0/8 } ${END}`,
    `ip daddr != 192.0.2.1/32 ip daddr != 10.0.0.0/8 ${END}`,
  ],
  [
    'are compared one by one before the net that they are of',
    `ip saddr != { 192.0.2.1/32, 192.0.2.3/32 } ip saddr { 192.0.2.0/24 } ${END}`,
    `ip saddr != 192.0.2.1/32 ip saddr != 192.0.2.3/32 ip saddr { 192.0.2.0/24 } ${END}`,
  ],
  [
    'are compared one by one, IPv6 too',
    `ip6 saddr == @cluster_prefixes_v6 ip6 daddr != { fd00::/8, 2001:db8::1/128 } ${END}`,
    `ip6 saddr == @cluster_prefixes_v6 ip6 daddr != fd00::/8 ip6 daddr != 2001:db8::1/128 ${END}`,
  ],
  [
    'that are many have another set behind them',
    `ip daddr != { ${MANY} } ${END}`,
    `ip daddr != { ${MANY} } ip daddr { 0.0.0.0/1, 128.0.0.0/1 } ${END}`,
  ],
  [
    'that are many have another set behind them, IPv6 too',
    `ip6 daddr != { ${MANY6} } ${END}`,
    `ip6 daddr != { ${MANY6} } ip6 daddr { ::/1, 8000::/1 } ${END}`,
  ],
])('exceptions of a rule %s', (_, rule, held) => {
  const log = { lines: [rule.replace(END, 'limit rate 10/second log prefix "p"'), rule], owner: 'o' };
  const [again] = heldMeanwhile([log]);
  expect(again).toEqual({ lines: [held.replace(END, 'limit rate 10/second log prefix "p"'), held], owner: 'o' });
  expect(heldMeanwhile([log])[0]).toBe(again);
});

test.each([
  `ip daddr != { 192.0.2.1/32 } ip daddr { 192.0.2.0/24 } ${END}`,
  `ip daddr { 192.0.2.0/24, 198.51.100.0/24 } ${END}`,
  '\t\tip saddr != @internal_prefixes oifname {"vlan42", "vrf42"} counter name external_in comment "count"',
])('every other line stays as it is: %s', (line) => {
  const lines = { lines: [line] };
  expect(heldMeanwhile([lines])[0]).toBe(lines);
});
