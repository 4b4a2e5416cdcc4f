import { describe, expect, test } from 'vitest';
import { PortSet, PrefixSet } from '../ip/index.ts';
import { parseSelector } from '../selector/selector.ts';
import { type RuleContext, type RuleMatch, rulesOf } from './rule-match.ts';

const head = { origin: { policy: 'ClusterBorderPolicy/p', rule: 0 }, action: 'Allow', widen: false } as const;
const context: RuleContext = {
  group: (selector, family) => ({
    id: `g${family}`,
    nets: selector.canonical.includes('empty')
      ? PrefixSet.empty
      : PrefixSet.parse(['203.0.113.0/24', '2001:db8::/32']).family(family),
    domains: selector.canonical.includes('named') ? ['a.example', 'b.example'] : [],
  }),
};
const nets = (...texts: readonly string[]): PrefixSet => PrefixSet.parse(texts);

function selector(text: string) {
  const { value } = parseSelector(text);
  if (value === undefined) throw new Error(text);
  return value;
}

function shown(match: Partial<RuleMatch>, outside?: PrefixSet): Readonly<Record<4 | 6, readonly string[]>> {
  const of = (family: 4 | 6): readonly string[] =>
    rulesOf(head, { domains: [], ...match }, family, { ...context, ...(outside === undefined ? {} : { outside }) }).map(
      (rule) =>
        [
          rule.protocol !== undefined && `protocol ${rule.protocol}`,
          rule.notProtocol !== undefined && `not protocol ${rule.notProtocol}`,
          rule.icmp !== undefined && `type ${rule.icmp.type}`,
          rule.notIcmp !== undefined && `not type ${rule.notIcmp.type}`,
          rule.ports !== undefined && `ports ${rule.ports.toString()}`,
          rule.sourcePorts !== undefined && `source ports ${rule.sourcePorts.toString()}`,
          rule.outside.nets?.toString(),
          ...rule.outside.groups,
          ...rule.outside.notGroups.map((id) => `not ${id}`),
          ...rule.outside.domains,
        ]
          .filter(Boolean)
          .join(' '),
    );
  return { 4: of(4), 6: of(6) };
}

describe('a written rule as rules of each family (semantics 5)', () => {
  test.each<[string, Partial<RuleMatch>, readonly string[], readonly string[]]>([
    ['nothing limits', {}, [''], ['']],
    ['ipVersion', { ipVersion: 6 }, [], ['']],
    ['nets of one family', { nets: nets('203.0.113.0/24') }, ['203.0.113.0/24'], []],
    ['nets of both', { nets: nets('203.0.113.0/24', '2001:db8::/32') }, ['203.0.113.0/24'], ['2001:db8::/32']],
    ['notNets of one family leave no rule for the other', { notNets: nets('128.0.0.0/1') }, ['0.0.0.0/1'], []],
    ['notNets that leave nothing', { nets: nets('10.0.0.0/24'), notNets: nets('10.0.0.0/8') }, [], []],
    ['ports', { protocol: 6, ports: PortSet.of(80, 443) }, ['protocol 6 ports 80, 443'], ['protocol 6 ports 80, 443']],
    [
      'ports less notPorts',
      { protocol: 6, ports: PortSet.of([80, 82]), notPorts: PortSet.of(81) },
      ['protocol 6 ports 80, 82'],
      ['protocol 6 ports 80, 82'],
    ],
    ['no port left', { protocol: 6, ports: PortSet.of(80), notPorts: PortSet.of(80) }, [], []],
    ['every port is no limit', { protocol: 17, ports: PortSet.all }, ['protocol 17'], ['protocol 17']],
    ['ports of a protocol that has none', { protocol: 47, ports: PortSet.of(80) }, [], []],
    [
      'ports of every protocol that has them',
      { notProtocol: 17, sourcePorts: PortSet.of(53), ipVersion: 4 },
      ['protocol 6 source ports 53', 'protocol 132 source ports 53'],
      [],
    ],
    ['ICMP of its family only', { protocol: 1, icmp: { type: 8 } }, ['protocol 1 type 8'], []],
    ['ICMP by number is a protocol of either family', { protocol: 1 }, ['protocol 1'], ['protocol 1']],
    [
      'notICMP of another protocol excludes nothing',
      { protocol: 1, notIcmp: { type: 8 } },
      ['protocol 1 not type 8'],
      ['protocol 1'],
    ],
    ['a selector', { selector: selector('has(x)') }, ['g4'], ['g6']],
    [
      'a selector and nets: both must hold',
      { selector: selector('has(x)'), nets: nets('203.0.113.0/25') },
      ['203.0.113.0/25 g4'],
      [],
    ],
    ['a notSelector', { notSelector: selector('has(x)') }, ['not g4'], ['not g6']],
    [
      'names beside nets of network sets',
      { selector: selector('has(named)'), ipVersion: 4 },
      ['g4', 'a.example b.example'],
      [],
    ],
    [
      'names that both ask for',
      { selector: selector('has(named)'), domains: ['b.example'], ipVersion: 4 },
      ['g4 b.example', 'b.example'],
      [],
    ],
    ['an empty group stays: it may be filled', { selector: selector('has(empty)'), ipVersion: 4 }, ['g4'], []],
  ])('%s', (_, match, four, six) => {
    expect(shown(match)).toEqual({ 4: four, 6: six });
  });

  test.each<[string, Partial<RuleMatch>, readonly string[]]>([
    ['reaches outside: as written', { nets: nets('203.0.0.0/8') }, ['203.0.0.0/8']],
    ['does not', { nets: nets('10.0.0.0/8') }, []],
    ['a group that reaches outside', { selector: selector('has(x)') }, ['g4']],
    ['an empty one', { selector: selector('has(empty)') }, []],
    ['one that the nets exclude', { selector: selector('has(x)'), nets: nets('198.51.100.0/24') }, []],
    ['names are outside', { selector: selector('has(empty) || has(named)') }, ['a.example b.example']],
    ['excluding what is not there excludes nothing', { notSelector: selector('has(empty)') }, ['']],
  ])('of a repeated tier, cut to the outside: %s', (_, match, four) => {
    expect(shown({ ...match, ipVersion: 4 }, nets('198.51.100.0/24', '203.0.113.0/24'))[4]).toEqual(four);
  });
});
