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

/** A chain of the same table that others lead to. */
const called = (name: string, rules: readonly string[]): string =>
  `table inet metal {\n    chain ${name} {\n${rules.map((rule) => `        ${rule}\n`).join('')}    }\n}\n`;
/** How people come in. */
const ssh = (link: string): OwnFlow => ({
  name: 'SSH',
  direction: 'in',
  protocol: 'tcp',
  port: 22,
  peer: undefined,
  link,
});

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

  test.each<readonly [string, string, readonly string[]]>([
    ['a chain that accepts', 'jump people', ['tcp dport 22 accept']],
    ['what stands behind a chain that is left', 'jump people\n        tcp dport 22 accept', ['tcp dport 80 drop']],
    ['one that another chain leads to', 'goto people', ['tcp dport 80 drop', 'tcp dport 22 accept']],
    ['what passes over a rule', 'log prefix "drop " counter packets 1 bytes 2 tcp dport ssh accept', []],
    ['a counter with a name', 'counter name "drop" tcp dport { 20-22, 443 } accept', []],
    ['other links, of which it is none', 'iifname != "lan*" accept', []],
    ['a protocol', 'meta l4proto { tcp, udp } accept', []],
    ['more links than its own', 'iifname "tail*" tcp dport == 22 accept', []],
  ])('%s lets people in where the policy is to drop', (_, rule, people) => {
    expect(names(`${chain('input', 'drop', rule)}${called('people', people)}`, [ssh('tailscale*')])).toEqual([]);
  });

  test.each<readonly [string, readonly string[], readonly string[]]>([
    ['a way out to the policy', ['tcp dport 22 return', 'drop'], []],
    ['a chain that is left for the policy', ['goto people', 'drop'], ['tcp dport 80 drop']],
  ])('%s lets people in where the policy is to accept', (_, rules, people) => {
    expect(names(`${chain('input', 'accept', ...rules)}${called('people', people)}`, [ssh('lan0')])).toEqual([]);
  });

  test.each<readonly [string, readonly string[], readonly string[]]>([
    ['a chain of another table', ['jump elsewhere'], []],
    ['a chain that may not be asked', ['limit rate 5/second jump people'], ['accept']],
    ['what stands behind a chain that is not left again', ['goto people', 'accept'], ['tcp dport 80 accept']],
    ['what stands behind a way out', ['jump people', 'tcp dport 22 return', 'accept'], ['tcp dport 22 return']],
    ['chains that lead to each other', ['jump people'], ['jump people']],
    ['other links', ['iifname "tail" accept'], []],
    ['where packets leave', ['oifname "tailscale*" accept'], []],
    ['a named set', ['iifname @links accept'], []],
    ['a concatenation', ['iifname . tcp dport { "tailscale0" . 22 } accept'], []],
    ['other states', ['ct state established,related accept'], []],
    ['marks', ['ct mark 1 accept', 'meta mark 1 accept'], []],
    ['flags', ['tcp flags syn accept', 'udp length 8 accept'], []],
    ['a port that is not all', ['limit rate 5/second tcp dport 22 accept'], []],
    ['another protocol', ['meta l4proto udp accept', 'udp dport 22 accept'], []],
    ['words that are not known', ['ip protocol tcp accept', 'jump', 'dport 22 accept', 'state new accept'], []],
    ['other ports', ['tcp dport 23-65535 accept', 'tcp dport != 22 accept', 'tcp dport 1-21 accept'], []],
    ['the port of the other end', ['tcp sport 22 accept'], []],
  ])('%s lets nobody in where the policy is to drop', (_, rules, people) => {
    const text = `${chain('input', 'drop', ...rules)}${called('people', people)}${called('elsewhere', ['accept']).replace('inet metal', 'inet other')}`;
    expect(names(text, [ssh('tailscale*')])).toEqual(['SSH']);
  });

  test.each<readonly [string, readonly string[], readonly string[]]>([
    ['a way out that may not be taken', ['limit rate 5/second return'], []],
    ['a chain that may drop', ['jump people', 'accept'], ['limit rate 5/second queue']],
    ['a chain that may be asked', ['limit rate 5/second jump people'], ['reject']],
    ['a chain that may not be left again', ['limit rate 5/second goto people'], ['tcp dport 80 drop']],
    ['a mark of the connection', ['ct mark 1 drop'], []],
    ['a mark of the packet', ['meta mark 1 drop'], []],
    ['flags', ['tcp flags syn drop'], []],
    ['what the header says', ['ip protocol tcp drop'], []],
    ['a named set', ['iifname @links drop'], []],
    ['not a named set', ['iifname != @links drop'], []],
    ['arithmetic', ['ct state & (established|new) == 0 drop'], []],
    ['a name of a port that is not known', ['tcp dport ssh-alt drop'], []],
    ['another link than where packets leave', ['oifname != "lan0" drop'], []],
  ])('%s counts against where the policy is to accept', (_, rules, people) => {
    expect(names(`${chain('input', 'accept', ...rules)}${called('people', people)}`, [ssh('tailscale*')])).toEqual([
      'SSH',
    ]);
  });

  test('a chain drops whatever its type is, and one that our packets do not meet drops none', () => {
    const text = chain('prerouting', 'accept', 'tcp dport 22 drop');
    expect(names(text.replace('type filter', 'type nat'), [ssh('lan0')])).toEqual(['SSH']);
    expect(names(chain('forward', 'drop'))).toEqual([]);
  });

  test('a part of where the other end may be is not all of it', () => {
    const [bgp] = machineFlows({ vpn: false });
    if (bgp === undefined) throw new Error('there is BGP');
    expect(names(chain('input', 'drop', 'ip6 saddr fe80::1 accept'), [bgp])).toEqual(['BGP on lan0']);
    expect(names(chain('input', 'accept', 'ip6 saddr fe80::1 drop'), [bgp])).toEqual(['BGP on lan0']);
    expect(names(chain('input', 'drop', 'ip6 daddr fe80::/10 accept'), [bgp])).toEqual(['BGP on lan0']);
  });

  test('names of ports are those of nft', () => {
    const web = (port: number): OwnFlow => flowTo(String(port), parseAddress('192.0.2.1'), port);
    for (const [name, port] of Object.entries({ domain: 53, http: 80, bgp: 179, https: 443 }))
      expect(names(chain('output', 'accept', `tcp dport ${name} drop`), [53, 80, 179, 443].map(web))).toEqual([
        String(port),
      ]);
  });

  test('what lets them back in lets in nothing else: by their link, and answers alone where the other end has to answer', () => {
    expect(flowRules([ssh('tailscale*'), api])).toEqual([
      'iifname "tailscale*" tcp dport 22 counter accept comment "own flow: SSH"',
      'oifname "tailscale*" tcp sport 22 ct state established,related counter accept comment "own flow: SSH"',
      'ip daddr 203.0.113.5/32 tcp dport 6443 counter accept comment "own flow: the API server"',
      'ip saddr 203.0.113.5/32 tcp sport 6443 ct state established,related counter accept comment "own flow: the API server"',
    ]);
  });

  test('the rules that allow them back do', () => {
    const rules = flowRules(all(false));
    const text = chain('input', 'drop', ...rules) + chain('output', 'drop', ...rules);
    expect(names(text)).toEqual([]);
    expect(names(text, [flowTo('somebody else', parseAddress('192.0.2.1'), 6443)])).toEqual(['somebody else']);
  });
});
