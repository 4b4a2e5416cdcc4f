import { expect, test } from 'vitest';
import { filledInOrder } from './exceptions-in-kernel.ts';

const END = 'tcp dport { 443 } counter accept comment "accept traffic for np p tcp"';

test.each([
  [
    'several exceptions',
    `ip daddr != { 192.0.2.1/32, 10.0.0.0/8 } ${END}`,
    `ip daddr != { 192.0.2.1/32, 10.0.0.0/8 } ip daddr { 0.0.0.0/1, 128.0.0.0/1 } ${END}`,
  ],
  [
    'exceptions of a net',
    `ip saddr != { 192.0.2.1/32, 192.0.2.3/32 } ip saddr { 192.0.2.0/24 } ${END}`,
    `ip saddr != { 192.0.2.1/32, 192.0.2.3/32 } ip saddr { 0.0.0.0/1, 128.0.0.0/1 } ip saddr { 192.0.2.0/24 } ${END}`,
  ],
  [
    'exceptions of IPv6',
    `ip6 saddr == @cluster_prefixes_v6 ip6 daddr != { fd00::/8, 2001:db8::1/128 } ${END}`,
    `ip6 saddr == @cluster_prefixes_v6 ip6 daddr != { fd00::/8, 2001:db8::1/128 } ip6 daddr { ::/1, 8000::/1 } ${END}`,
  ],
])('a rule with %s asks another set behind them', (_, rule, filled) => {
  const log = { lines: [rule.replace(END, 'limit rate 10/second log prefix "p"'), rule], owner: 'o' };
  const [again] = filledInOrder([log]);
  expect(again).toEqual({ lines: [filled.replace(END, 'limit rate 10/second log prefix "p"'), filled], owner: 'o' });
  expect(filledInOrder([log])[0]).toBe(again);
});

test.each([
  `ip daddr != { 192.0.2.1/32 } ip daddr { 192.0.2.0/24 } ${END}`,
  `ip daddr { 192.0.2.0/24, 198.51.100.0/24 } ${END}`,
  '\t\tip saddr != @internal_prefixes oifname {"vlan42", "vrf42"} counter name external_in comment "count"',
])('every other line stays as it is: %s', (line) => {
  const lines = { lines: [line] };
  expect(filledInOrder([lines])[0]).toBe(lines);
});
