import { describe, expect, test } from 'vitest';
import { SallyportError } from '../../base/error.ts';
import { analyse, compare } from './compare.ts';
import { type ListedRule, type RuleList, readRuleList } from './rule-list.ts';
import { RuleSpace } from './rule-space.ts';

const tcp = (action: ListedRule['action'], ...ports: (number | string)[]): ListedRule => ({
  action,
  protocol: 'TCP',
  destination: { ports },
});

describe('comparing lists (semantics 15.8)', () => {
  test.each<[string, RuleList, RuleList]>([
    ['ports written as a range', { rules: [tcp('Allow', 80, 81)] }, { rules: [tcp('Allow', '80:81')] }],
    ['the default written out', { rules: [tcp('Allow', 80), { action: 'Deny' }] }, { rules: [tcp('Allow', 80)] }],
    ['an array', [tcp('Allow', 80)], { rules: [tcp('Allow', 80)], defaultAction: 'Deny' }],
    ['a Log that decides nothing', { rules: [{ action: 'Log' }] }, { rules: [] }],
    [
      'an exception and its rest',
      { rules: [{ action: 'Allow', source: { nets: ['10.0.0.0/8'], notNets: ['10.0.0.0/9'] } }] },
      { rules: [{ action: 'Allow', source: { nets: ['10.128.0.0/9'] } }] },
    ],
    [
      'ICMP by name, which is IPv4 alone',
      { rules: [{ action: 'Allow', protocol: 'ICMP' }] },
      { rules: [{ action: 'Allow', protocol: 1, ipVersion: 4 }] },
    ],
    [
      'selectors of one canonical text',
      { rules: [{ action: 'Allow', source: { selector: "a in {'y','x','x'}" } }] },
      { rules: [{ action: 'Allow', source: { selector: 'a in {"x", "y"}' } }] },
    ],
    [
      'domains in another order',
      { rules: [{ action: 'Allow', destination: { domains: ['a.example', 'b.example'] } }] },
      {
        rules: [
          { action: 'Allow', destination: { domains: ['b.example'] } },
          { action: 'Allow', destination: { domains: ['a.example'] } },
        ],
      },
    ],
  ])('equal: %s', (_, a, b) => {
    expect(compare(a, b)).toEqual({ equal: true });
  });

  test.each<[string, RuleList, RuleList, object]>([
    [
      'one port more',
      { rules: [tcp('Allow', 80)] },
      { rules: [tcp('Allow', '80:81')] },
      { src: '192.0.2.1', dst: '203.0.113.1', proto: 6, sport: 49152, dport: 81 },
    ],
    [
      'Pass is not Deny',
      { rules: [] },
      { rules: [], defaultAction: 'Pass' },
      { src: '192.0.2.1', dst: '203.0.113.1', proto: 6, sport: 49152, dport: 443 },
    ],
    [
      'IPv6 alone',
      { rules: [{ action: 'Allow', protocol: 'ICMPv6', icmp: { type: 128 } }] },
      { rules: [{ action: 'Allow', protocol: 58, ipVersion: 6, icmp: { type: 128, code: 0 } }] },
      { src: '2001:db8::1', dst: '2001:db8:0:1::1', proto: 58, icmpType: 128, icmpCode: 1 },
    ],
    [
      'the order of rules whose selectors may both hold',
      {
        rules: [
          { action: 'Deny', source: { selector: 'has(a)' } },
          { action: 'Allow', source: { selector: 'has(b)' } },
        ],
      },
      {
        rules: [
          { action: 'Allow', source: { selector: 'has(b)' } },
          { action: 'Deny', source: { selector: 'has(a)' } },
        ],
      },
      { atoms: ['source selector has(a)', 'source selector has(b)'] },
    ],
    [
      'a source port',
      { rules: [{ action: 'Allow', protocol: 'UDP', source: { ports: [53] } }] },
      { rules: [] },
      { proto: 17, sport: 53 },
    ],
  ])('different: %s', (_, a, b, witness) => {
    expect(compare(a, b)).toMatchObject({ equal: false, witness });
    expect(compare(b, a)).toMatchObject({ equal: false, witness });
  });

  test('what would take too much memory is refused, never guessed', () => {
    const { rules } = readRuleList([tcp('Allow', 80), tcp('Deny', '1:1000'), tcp('Pass', 5, 7, 9)]);
    const space = new RuleSpace(4, rules, 20);
    expect(() => rules.map((rule) => space.matching(rule))).toThrow(
      expect.objectContaining({ code: 'FLOW_SET_LIMIT' }),
    );
  });

  test('a list with mistakes is not compared, and every mistake is told', () => {
    const broken = { rules: [{ action: 'Maybe' }, tcp('Allow', 70_000)], defaultAction: 'Log' } as unknown as RuleList;
    let thrown: unknown;
    try {
      compare(broken, { rules: [] });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(SallyportError);
    expect(thrown).toMatchObject({ code: 'RULE_LIST_INVALID' });
    const { details } = thrown as SallyportError;
    expect((details['diagnostics'] as { path: string }[]).map(({ path }) => path)).toEqual([
      'rules[0].action',
      'rules[1].destination.ports[0]',
      'defaultAction',
    ]);
  });
});

describe('analysing a list (semantics 15.7)', () => {
  test('shadowed by one rule, by several together, and empty in themselves', () => {
    const rules: ListedRule[] = [
      tcp('Allow', '1:100'),
      tcp('Deny', '101:200'),
      tcp('Deny', 50),
      tcp('Allow', '90:110'),
      { action: 'Allow', source: { nets: ['10.0.0.0/9'], notNets: ['10.0.0.0/8'] } },
    ];
    expect(analyse({ rules })).toEqual({ neverMatches: [2, 3, 4], individuallyRedundant: [2, 3, 4] });
  });

  test('each of two equal rules behind which the default says the same could go, but not by itself proves both', () => {
    const rules = [tcp('Allow', 80), tcp('Allow', '80:90'), tcp('Deny', 443)];
    expect(analyse({ rules })).toEqual({ neverMatches: [], individuallyRedundant: [0, 2] });
    expect(analyse({ rules: [tcp('Allow', 80), tcp('Allow', 80)] })).toEqual({
      neverMatches: [1],
      individuallyRedundant: [0, 1],
    });
  });

  test('a rule for everything is needed where what stands behind it says something else', () => {
    const rules: ListedRule[] = [{ action: 'Deny' }, { action: 'Allow', protocol: 'UDP' }];
    expect(analyse({ rules })).toEqual({ neverMatches: [1], individuallyRedundant: [1] });
  });

  test('nothing comes past a rule for everything; Log can always go', () => {
    const rules: ListedRule[] = [{ action: 'Log' }, { action: 'Allow' }, { action: 'Log' }, tcp('Deny', 80)];
    expect(analyse({ rules })).toEqual({ neverMatches: [2, 3], individuallyRedundant: [0, 2, 3] });
  });
});
