import { assertNever } from '../../../base/error.ts';
import type { Family } from '../../../border/ruleset.ts';
import {
  type Action,
  type Base,
  DEAD_MARK,
  LOG_GROUPS,
  type MapType,
  type Match,
  type NftChain,
  type NftMap,
  type NftSet,
  type NftTable,
  type Rule,
  type SetType,
  TABLE,
} from './model.ts';
import { quoted } from './text.ts';

const MARK = `0x${DEAD_MARK.toString(16)}`;
/** Elements of one `add element`: long enough to be quick, short enough to be read. */
const ELEMENTS_A_LINE = 500;

const SET_TYPES: Record<SetType, string> = {
  address4: 'type ipv4_addr;',
  address6: 'type ipv6_addr;',
  net4: 'type ipv4_addr . inet_proto; flags interval;',
  net6: 'type ipv6_addr . inet_proto; flags interval;',
  service: 'type inet_proto . inet_service; flags interval;',
  number: 'type mark;',
};

const MAP_TYPES: Record<MapType, string> = {
  'address4:verdict': 'type ipv4_addr : verdict;',
  'address6:verdict': 'type ipv6_addr : verdict;',
  'address4:number': 'type ipv4_addr : mark;',
  'address6:number': 'type ipv6_addr : mark;',
  'number:verdict': 'type mark : verdict;',
  'address4:address4': 'type ipv4_addr : ipv4_addr;',
  'address6:address6': 'type ipv6_addr : ipv6_addr;',
};

function ip(family: Family): string {
  return family === 4 ? 'ip' : 'ip6';
}

export function renderMatch(match: Match): string {
  switch (match.on) {
    case 'state':
      return `ct state ${match.states.join(',')}`;
    case 'direction':
      return `ct direction ${match.direction}`;
    case 'dead':
      return `ct mark and ${MARK} != 0`;
    case 'address':
      return `${ip(match.family)} ${match.side} ${match.not ? '!= ' : ''}@${match.set}`;
    case 'net':
      return `${ip(match.family)} ${match.side} . meta l4proto ${match.not ? '!= ' : ''}@${match.set}`;
    case 'service':
      return `meta l4proto . th ${match.side} @${match.set}`;
    case 'protocol':
      return `meta l4proto ${match.not ? '!= ' : ''}${match.protocol}`;
    case 'icmp':
      return `${match.family === 4 ? 'icmp' : 'icmpv6'} ${match.field} ${match.not ? '!= ' : ''}${match.value}`;
    default:
      return assertNever(match);
  }
}

export function renderAction(action: Action): string {
  switch (action.do) {
    case 'accept':
    case 'drop':
    case 'return':
      return action.do;
    case 'goto':
    case 'jump':
      return `${action.do} ${action.chain}`;
    case 'dispatch':
      return `${ip(action.family)} saddr vmap @${action.map}`;
    case 'dispatchByNumber':
      return `meta mark set ${ip(action.family)} saddr map @${action.numbers} meta mark vmap @${action.map}`;
    case 'log':
      return (
        'limit rate 2000/second burst 4000 packets ' +
        `log prefix ${quoted(action.prefix)} group ${LOG_GROUPS[action.group]} snaplen 96 queue-threshold 1`
      );
    case 'markDead':
      return `ct mark set ct mark or ${MARK}`;
    case 'resetTcp':
      return 'reject with tcp reset';
    case 'translate':
      return `snat ${ip(action.family)} to ${ip(action.family)} saddr map @${action.map}`;
    default:
      return assertNever(action);
  }
}

const ruleTexts = new WeakMap<Rule, string>();

/** One rule as nft takes it; a foreign rule as it was read. Equal rules have equal texts. */
export function renderRule(rule: Rule): string {
  let text = ruleTexts.get(rule);
  if (text === undefined) {
    text = ruleText(rule);
    ruleTexts.set(rule, text);
  }
  return text;
}

function ruleText(rule: Rule): string {
  if (rule.kind === 'foreign') return rule.text;
  const words = rule.matches.map(renderMatch);
  if (rule.counter) words.push('counter');
  words.push(renderAction(rule.action));
  if (rule.comment !== undefined) words.push(`comment ${quoted(rule.comment)}`);
  return words.join(' ');
}

/** `type ipv4_addr; comment "…";`: what stands between the braces of a set. */
export function renderSetHead(set: NftSet): string {
  return withComment(SET_TYPES[set.type], set.comment);
}

export function renderMapHead(map: NftMap): string {
  return withComment(MAP_TYPES[map.type], map.comment);
}

function withComment(head: string, comment: string | undefined): string {
  return comment === undefined ? head : `${head} comment ${quoted(comment)};`;
}

/** `type filter hook forward priority 0; policy accept;` */
export function renderBase(base: Base): string {
  return `type ${base.type} hook ${base.hook} priority ${base.priority}; policy ${base.policy};`;
}

/** An element as nft takes it: networks get their dummy protocol. */
export function renderElement(type: SetType, element: string): string {
  return type === 'net4' || type === 'net6' ? `${element} . 0-255` : element;
}

/** `add element inet sallyport NAME { … }` and the like, in lines of a moderate length. */
export function renderElements(verb: 'add' | 'delete', name: string, elements: readonly string[]): string[] {
  const lines: string[] = [];
  for (let start = 0; start < elements.length; start += ELEMENTS_A_LINE)
    lines.push(
      `${verb} element inet ${TABLE} ${name} { ${elements.slice(start, start + ELEMENTS_A_LINE).join(', ')} }`,
    );
  return lines;
}

const byName = (a: readonly [string, unknown], b: readonly [string, unknown]): number => (a[0] < b[0] ? -1 : 1);

/** Sets that many rules name come first: the kernel finds a set by walking the list (nftables reference, section 7). */
function bySharing(a: readonly [string, NftSet], b: readonly [string, NftSet]): number {
  const rank = ([, { type }]: readonly [string, NftSet]): number =>
    type === 'service' ? 0 : type === 'net4' || type === 'net6' ? 1 : 2;
  return rank(a) - rank(b) || byName(a, b);
}

/** Everything but elements as one `table` block: equal structure gives equal text. */
export function renderStructure(table: NftTable): string {
  const lines: string[] = [`table inet ${TABLE} {`];
  for (const [name, set] of [...table.sets].sort(bySharing)) lines.push(`\tset ${name} { ${renderSetHead(set)} }`);
  for (const [name, map] of [...table.maps].sort(byName)) lines.push(`\tmap ${name} { ${renderMapHead(map)} }`);
  for (const [name, chain] of [...table.chains].sort(byName)) lines.push(...renderChain(name, chain));
  lines.push('}');
  return `${lines.join('\n')}\n`;
}

function renderChain(name: string, chain: NftChain): string[] {
  const head = chain.base === undefined ? [] : [`\t\t${renderBase(chain.base)}`];
  return [`\tchain ${name} {`, ...head, ...chain.rules.map((rule) => `\t\t${renderRule(rule)}`), '\t}'];
}

/**
 * The whole table as text that `nft -f` takes, and as people compare it: sorted, the same for the same content. What is foreign in it
 * stands in comments at the end.
 */
export function renderTable(table: NftTable): string {
  const lines: string[] = [];
  for (const [name, set] of [...table.sets].sort(bySharing))
    lines.push(
      ...renderElements(
        'add',
        name,
        [...set.elements.keys()].sort().map((element) => renderElement(set.type, element)),
      ),
    );
  for (const [name, map] of [...table.maps].sort(byName))
    lines.push(
      ...renderElements(
        'add',
        name,
        [...map.elements.entries()].sort(byName).map(([key, value]) => `${key} : ${value}`),
      ),
    );
  const foreign = table.foreign.map((object) => `# not ours: ${object.replace(/[^ -~]/g, '_')}`);
  return [renderStructure(table).trimEnd(), ...lines, ...foreign, ''].join('\n');
}
