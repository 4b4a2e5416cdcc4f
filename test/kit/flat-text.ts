import type { Ruleset } from '../../src/border/ruleset.ts';
import type { FlatDestination, FlatList, FlatRule, FlatService } from '../../src/plan/flat/flat-list.ts';

const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [1, 'ICMP'],
  [6, 'TCP'],
  [17, 'UDP'],
  [58, 'ICMPv6'],
  [132, 'SCTP'],
]);
const SHOWN_PROTOCOLS = 4;

/** A list as a person would read it: its rules, then who is in its sources, then what its groups are. */
export function flatText(list: FlatList, ruleset: Pick<Ruleset, 'members' | 'groups'>): string {
  const sources = [...list.sources].map(([id, classes]) => {
    const members = ruleset.members.sorted().filter(([, of]) => classes.includes(of));
    return `${id} = ${members.map(([address]) => address).join(', ') || 'nobody'}`;
  });
  const groups = [...list.groups.values()].map(({ id, nets, all, none }) => {
    const parts = [
      ...(nets === undefined ? [] : [`in ${nets.toString()}`]),
      ...all.map((each) => `in (${selectorOf(ruleset, each)})`),
      ...none.map((each) => `not in (${selectorOf(ruleset, each)})`),
    ];
    return `${id} = governed${parts.map((part) => `, ${part}`).join('')}`;
  });
  return [...list.rules.map(ruleText), '', ...sources, '', ...groups, ''].join('\n');
}

function selectorOf(ruleset: Pick<Ruleset, 'groups'>, id: string): string {
  const group = ruleset.groups.get(id);
  return group?.kind === 'Outside' ? group.selector : id;
}

function ruleText(rule: FlatRule): string {
  const { source, services, action } = rule;
  const from = source.kind === 'Source' ? source.id : `${source.prefixes.toString()} without ${source.except}`;
  const what = services.length === 0 ? 'all' : services.map(serviceText).join(' or ');
  const why = rule.origins.map((one) => (one.rule === undefined ? one.policy : `${one.policy} rule ${one.rule}`));
  return `${action} ${what} from ${from} to ${destinationText(rule.destination)}  # ${why.join(', ')}`;
}

function destinationText({ prefixes, groups, domains }: FlatDestination): string {
  return [...prefixes.toStrings(), ...groups, ...domains].join(' or ');
}

function serviceText({ protocols, ports, sourcePorts, icmp }: FlatService): string {
  const names = protocols.map((each) => PROTOCOLS.get(each) ?? String(each));
  const few = names.length <= SHOWN_PROTOCOLS;
  const head = few ? names.join('/') : `${names.length} protocols without ${missing(protocols)}`;
  return [
    head,
    ...(ports === undefined ? [] : [ports.toString()]),
    ...(sourcePorts === undefined ? [] : [`from ports ${sourcePorts.toString()}`]),
    ...(icmp === undefined ? [] : [`types × 256 + codes ${icmp.toString()}`]),
  ].join(' ');
}

function missing(protocols: readonly number[]): string {
  const all = Array.from({ length: 256 }, (_, each) => each);
  return all
    .filter((each) => !protocols.includes(each))
    .map((each) => PROTOCOLS.get(each) ?? String(each))
    .join('/');
}
