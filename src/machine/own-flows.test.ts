import { describe, expect, test } from 'vitest';
import { smallMachine } from '../../test/kit/machine.ts';
import { parseAddress } from '../ip/address.ts';
import { baseRules } from './base-rules.ts';
import { deniedFlows, flowRules, flowTo, machineFlows, type OwnFlow } from './own-flows.ts';

const { networks } = smallMachine('').input;
const api = flowTo('the API server', parseAddress('203.0.113.5'), 6443);
const resolver = flowTo('DNS', parseAddress('2001:db8::53'), 53, 'udp');
const unknown = flowTo('metal-api', undefined, 443);
const all = (vpn: boolean): readonly OwnFlow[] => [...machineFlows({ vpn }), api, resolver, unknown];
const names = (text: string, flows: readonly OwnFlow[] = all(false)): readonly string[] => [
  ...new Set(deniedFlows(text, flows).map(({ flow }) => flow.name)),
];
/** A text with one chain at a hook. */
const chain = (hook: string, policy: string, ...rules: readonly string[]): string =>
  `table inet metal {\n    chain it {\n        type filter hook ${hook} priority 0; policy ${policy};\n${rules.map((rule) => `        ${rule}\n`).join('')}    }\n}\n`;

describe('our own flows', () => {
  test('pass the base rules as they are rendered, with and without VPN and proxy', () => {
    for (const vpn of [false, true])
      for (const proxy of [undefined, parseAddress('198.51.100.2')])
        for (const dnsPort of [undefined, 5353])
          expect(names(baseRules({ networks, vpn, proxy, dnsPort }) ?? '', all(vpn))).toEqual([]);
  });

  test('are told with what denies them', () => {
    const base = baseRules({ networks, vpn: true, proxy: undefined }) ?? '';
    // People come in by SSH here, and the rules let in the VPN alone.
    expect(deniedFlows(base, all(false)).map(({ flow, because }) => `${flow.name}: ${because}`)).toEqual([
      'SSH: rule "counter drop" in chain input of table inet metal',
    ]);
    expect(names(chain('input', 'drop'))).toEqual([
      'BGP on lan0',
      'BGP on lan1',
      'SSH',
      'the API server',
      'DNS',
      'metal-api',
    ]);
    expect(names(chain('input', 'drop', 'ct state established accept'))).toEqual(['BGP on lan0', 'BGP on lan1', 'SSH']);
    // A connection is more than its first packet.
    const opening = ['BGP on lan0', 'BGP on lan1', 'SSH', 'the API server', 'DNS', 'metal-api'];
    expect(names(chain('output', 'drop', 'ct state new accept'))).toEqual(opening);
    expect(names(chain('output', 'accept', 'ct state established tcp dport 6443 drop'), [api])).toEqual([api.name]);
    expect(names(chain('input', 'drop', 'ct state new accept'))).toEqual(opening);
  });

  test.each([
    // What is not understood counts against.
    ['tcp sport 6443 drop', ['BGP on lan0', 'BGP on lan1', 'the API server', 'metal-api']],
    ['ip daddr 203.0.113.0/24 drop', ['SSH', 'the API server', 'metal-api']],
    ['ip daddr { 198.51.100.0/24 } tcp dport 1-65535 frobnicate drop', ['SSH', 'metal-api']],
    ['ip6 daddr != 2001:db8::53 ip6 daddr != fe80::/16 drop', ['SSH', 'metal-api']],
    ['udp dport 53 counter packets 1 bytes 2 drop comment "x"', ['DNS']],
    ['tcp dport { 443, 6443 } ct state new log prefix "x " reject', ['the API server', 'metal-api']],
    ['ct state established,related drop', ['BGP on lan0', 'BGP on lan1', 'SSH', 'the API server', 'DNS', 'metal-api']],
    ['oifname "lan0" drop', ['BGP on lan0', 'SSH', 'the API server', 'DNS', 'metal-api']],
    ['limit rate 5/second drop', ['BGP on lan0', 'BGP on lan1', 'SSH', 'the API server', 'DNS', 'metal-api']],
    ['meta l4proto tcp accept', []],
    ['meta l4proto udp drop', ['DNS']],
    ['meta l4proto 17 drop', ['BGP on lan0', 'BGP on lan1', 'SSH', 'the API server', 'DNS', 'metal-api']],
    [
      'tcp dport vmap { 22 : accept, 6443 : drop }',
      ['BGP on lan0', 'BGP on lan1', 'SSH', 'the API server', 'DNS', 'metal-api'],
    ],
    ['jump elsewhere', ['BGP on lan0', 'BGP on lan1', 'SSH', 'the API server', 'DNS', 'metal-api']],
    ['counter name x log prefix "y " comment "drop"', []],
  ])('%s, where we send', (rule, denied) => {
    expect(names(chain('output', 'accept', rule))).toEqual(denied);
  });

  test('one of the links of a name may be the one that people come in by', () => {
    const ssh = machineFlows({ vpn: true }).filter(({ name }) => name === 'SSH');
    for (const [link, denied] of [
      ['tailscale0', ['SSH']],
      ['tailscale*', ['SSH']],
      ['tail*', ['SSH']],
      ['lan0', []],
    ] as const)
      expect(names(chain('input', 'accept', `iifname "${link}" drop`), ssh), link).toEqual(denied);
    expect(names(chain('input', 'drop', 'iifname "tailscale0" accept'), ssh)).toEqual(['SSH']);
  });

  test('an accept that may not match does not count', () => {
    for (const rule of ['limit rate 5/second accept', 'tcp dport 22 accept', 'ip daddr 203.0.113.5 accept'])
      expect(names(chain('output', 'drop', rule), [unknown])).toEqual(['metal-api']);
    expect(names(chain('output', 'drop', 'tcp dport 443 accept'), [unknown])).toEqual([]);
    // Whoever may have gone elsewhere for good may not come to it.
    const empty = 'table inet metal {\n    chain other {\n    }\n}\n';
    for (const [way, denied] of [
      ['limit rate 5/second goto other', ['metal-api']],
      ['limit rate 5/second jump other', []],
    ] as const)
      expect(names(empty + chain('output', 'drop', way, 'accept'), [unknown]), way).toEqual(denied);
  });

  test('the rules that allow them back do', () => {
    const rules = flowRules(all(false));
    const text = chain('input', 'drop', ...rules) + chain('output', 'drop', ...rules);
    expect(names(text)).toEqual([]);
    expect(names(text, [flowTo('somebody else', parseAddress('192.0.2.1'), 6443)])).toEqual(['somebody else']);
  });
});
