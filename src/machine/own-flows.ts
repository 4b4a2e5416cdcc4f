import { type Address, parseAddress } from '../ip/address.ts';
import { formatPrefix, parsePrefix, prefixOf, type Prefix } from '../ip/prefix.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { BGP_PORT, FABRIC } from './base-rules.ts';
import { type TextChain, textChains } from './nft-text.ts';
import { comment, header } from './rules/text.ts';

/** A connection without which nobody could tell this machine anything any more. */
export interface OwnFlow {
  /** For people: `the API server of source seed`. */
  readonly name: string;
  /** Who opens it: this machine (`out`) or somebody else (`in`). */
  readonly direction: 'out' | 'in';
  readonly protocol: 'tcp' | 'udp';
  /** Where it is opened to. */
  readonly port: number;
  /** The other end; `undefined`: anybody, or not known. */
  readonly peer: Prefix | undefined;
  /** The link that it takes, `tailscale*` for any of a name; `undefined`: not known. */
  readonly link: string | undefined;
}

/** BGP with the switches, and how people come in: every machine needs them. */
export function machineFlows({ vpn }: { readonly vpn: boolean }): readonly OwnFlow[] {
  const linkLocal = parsePrefix('fe80::/64');
  return [
    ...FABRIC.flatMap((link) =>
      (['in', 'out'] as const).map((direction) => ({
        name: `BGP on ${link}`,
        direction,
        protocol: 'tcp' as const,
        port: BGP_PORT,
        peer: 'value' in linkLocal ? linkLocal.value : undefined,
        link,
      })),
    ),
    {
      name: 'SSH',
      direction: 'in',
      protocol: 'tcp',
      port: 22,
      peer: undefined,
      link: vpn ? 'tailscale*' : undefined,
    },
  ];
}

/** A flow to one peer, opened by this machine. */
export function flowTo(
  name: string,
  peer: Address | undefined,
  port: number,
  protocol: 'tcp' | 'udp' = 'tcp',
): OwnFlow {
  return {
    name,
    direction: 'out',
    protocol,
    port,
    peer: peer === undefined ? undefined : prefixOf(peer),
    link: undefined,
  };
}

/** A flow that a ruleset would deny, and which rule, or policy, does. */
export interface DeniedFlow {
  readonly flow: OwnFlow;
  readonly because: string;
}

/**
 * Which of our own flows a text of nft would deny, in any of its tables. What cannot be understood of it, or of the flow, counts against: a
 * rule that might accept does not, one that might drop does.
 */
export function deniedFlows(text: string, flows: readonly OwnFlow[]): readonly DeniedFlow[] {
  const chains = textChains(text);
  return flows.flatMap((flow) => {
    for (const packet of packetsOf(flow)) {
      const because = deniedBy(chains, packet);
      if (because !== undefined) return [{ flow, because }];
    }
    return [];
  });
}

/** The rules that let these flows through, in both directions. */
export function flowRules(flows: readonly OwnFlow[]): readonly string[] {
  return flows.flatMap(({ name, direction, protocol, port, peer, link }) => {
    const of = (
      side: 'saddr' | 'daddr',
      ports: 'sport' | 'dport',
      links: 'iifname' | 'oifname',
      state: string,
    ): string =>
      [
        ...(link === undefined ? [] : [`${links} "${link}"`]),
        ...(peer === undefined ? [] : [`${header(peer.family)} ${side} ${formatPrefix(peer)}`]),
        `${protocol} ${ports} ${port}`,
        ...(state === '' ? [] : [state]),
        `counter accept ${comment(`own flow: ${name}`)}`,
      ].join(' ');
    return direction === 'out'
      ? [of('daddr', 'dport', 'oifname', ''), of('saddr', 'sport', 'iifname', 'ct state established,related')]
      : [of('saddr', 'dport', 'iifname', ''), of('daddr', 'sport', 'oifname', 'ct state established,related')];
  });
}

/** One packet of a flow at one hook. */
interface Packet {
  readonly hooks: readonly string[];
  readonly state: 'new' | 'established';
  readonly flow: OwnFlow;
  /** Whether the peer sent it. */
  readonly fromPeer: boolean;
  /** Whether the flow's port is where the packet goes to. */
  readonly toPort: boolean;
}

/** The packet that opens it, and one each way once it is open. */
function packetsOf(flow: OwnFlow): readonly Packet[] {
  const coming = ['prerouting', 'input'];
  const going = ['output', 'postrouting'];
  const fromPeer = flow.direction === 'in';
  const there = { hooks: fromPeer ? coming : going, flow, fromPeer, toPort: true } as const;
  const back = { hooks: fromPeer ? going : coming, flow, fromPeer: !fromPeer, toPort: false } as const;
  return [
    { ...there, state: 'new' },
    { ...there, state: 'established' },
    { ...back, state: 'established' },
  ];
}

function deniedBy(chains: readonly TextChain[], packet: Packet): string | undefined {
  for (const chain of chains) {
    const { hook } = chain;
    if (hook === undefined || !packet.hooks.includes(hook.hook)) continue;
    const where = `chain ${chain.name} of table ${chain.table}`;
    const end = walk(chains, chain, packet, 0);
    if (end?.verdict === 'drop') return `rule "${end.rule}" in ${where}`;
    if (end === undefined && hook.policy !== 'accept') return `the policy of ${where}`;
  }
  return undefined;
}

interface End {
  readonly verdict: 'accept' | 'drop';
  readonly rule: string;
}

const DEEPEST = 16;

/** How a chain ends for a packet; nothing if it comes out at the end of it. */
function walk(chains: readonly TextChain[], chain: TextChain, packet: Packet, depth: number): End | undefined {
  for (const rule of chain.rules) {
    const read = readRule(rule, packet);
    if (read.matches === 'no' || read.does === undefined) continue;
    if (read.does === 'accept' || read.does === 'drop') {
      if (read.does === 'drop' || read.matches === 'yes') return { verdict: read.does, rule };
      continue;
    }
    if (read.does === 'return') return read.matches === 'yes' ? undefined : { verdict: 'drop', rule };
    const { chain: name, goes } = read.does;
    const next = chains.find((each) => each.table === chain.table && each.name === name);
    const end =
      next === undefined || depth > DEEPEST
        ? { verdict: 'drop' as const, rule }
        : walk(chains, next, packet, depth + 1);
    if (end?.verdict === 'drop' || (end !== undefined && read.matches === 'yes')) return end;
    if (goes && read.matches === 'yes') return undefined;
    // It may have gone there for good, and what comes after this chain is not known here.
    if (goes) return { verdict: 'drop', rule };
  }
  return undefined;
}

type Answer = 'yes' | 'no' | 'maybe';
type Does = 'accept' | 'drop' | 'return' | { readonly chain: string; readonly goes: boolean } | undefined;

/** What a rule does to a packet, as far as it is understood. */
function readRule(rule: string, packet: Packet): { readonly matches: Answer; readonly does: Does } {
  const words: readonly string[] = rule.match(/"[^"]*"|\{[^}]*\}|\S+/g) ?? [];
  // What a map of verdicts says is not read.
  if (words.includes('vmap')) return { matches: 'maybe', does: 'drop' };
  let matches: Answer = 'yes';
  const and = (answer: Answer): void => {
    if (answer === 'no' || matches === 'yes') matches = answer;
  };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const next = words[at + 1] ?? '';
    if (word === 'accept' || word === 'return') return { matches, does: word };
    if (word === 'drop' || word === 'reject' || word === 'queue') return { matches, does: 'drop' };
    if (word === 'jump' || word === 'goto') return { matches, does: { chain: next, goes: word === 'goto' } };
    if (word === 'counter') {
      if (next === 'packets') at += 4;
      else if (next === 'name') at += 2;
    } else if (word === 'log') {
      if (next === 'prefix') at += 2;
    } else {
      const read = readMatch(words, at, packet);
      and(read.answer);
      at += read.length - 1;
    }
  }
  return { matches, does: undefined };
}

/** Named sets, concatenations and arithmetic: what they come to is not looked up. */
const UNREAD = /^(?:@|[.&|^])/;

/** One condition: whether it holds, and how many words it has. A word that is not known stands alone, and may hold. */
function readMatch(
  words: readonly string[],
  at: number,
  packet: Packet,
): { readonly answer: Answer; readonly length: number } {
  const [word = '', field = ''] = words.slice(at, at + 2);
  const two = (test: (value: string) => Answer, start: number): { answer: Answer; length: number } => {
    const operator = words[at + start];
    const negated = operator === '!=';
    const skip = negated || operator === '==' ? 1 : 0;
    const given = words[at + start + skip] ?? '';
    const answers = given
      .replace(/^\{|\}$/g, '')
      .split(',')
      .map((each) => (UNREAD.test(each.trim()) ? 'maybe' : test(each.trim().replaceAll('"', ''))));
    const any: Answer = answers.includes('yes') ? 'yes' : answers.includes('maybe') ? 'maybe' : 'no';
    const answer = any === 'maybe' || !negated ? any : any === 'yes' ? 'no' : 'yes';
    return { answer, length: start + skip + 1 };
  };
  const { flow } = packet;
  if (word === 'iifname' || word === 'oifname') {
    const ours = packet.fromPeer ? 'iifname' : 'oifname';
    if (word !== ours) return two(() => 'no', 1);
    return two((name) => isLink(flow.link, name), 1);
  }
  if (word === 'ct' && field === 'state') return two((state) => (state === packet.state ? 'yes' : 'no'), 2);
  if (word === 'meta' && field === 'l4proto')
    return two((name) => (name === flow.protocol ? 'yes' : /^[a-z]/.test(name) ? 'no' : 'maybe'), 2);
  if ((word === 'ip' || word === 'ip6') && (field === 'saddr' || field === 'daddr')) {
    const isPeer = (field === 'saddr') === packet.fromPeer;
    // A header that the packet has not is not unequal: the rule does not match.
    if (flow.peer !== undefined && flow.peer.family !== (word === 'ip' ? 4 : 6))
      return { ...two(() => 'no', 2), answer: 'no' };
    return two((text) => isAddress(flow.peer, isPeer, text), 2);
  }
  if ((word === 'tcp' || word === 'udp') && (field === 'sport' || field === 'dport')) {
    if (word !== flow.protocol) return { ...two(() => 'no', 2), answer: 'no' };
    const isPort = (field === 'dport') === packet.toPort;
    return two((text) => (isPort ? isOfPort(flow.port, text) : 'maybe'), 2);
  }
  return { answer: 'maybe', length: 1 };
}

function isLink(link: string | undefined, name: string): Answer {
  if (link === undefined) return 'maybe';
  const stem = name.endsWith('*') ? name.slice(0, -1) : undefined;
  if (name === link || (stem !== undefined && link.startsWith(stem))) return 'yes';
  // Of any link of a name it may be this one.
  return link.endsWith('*') && name.startsWith(link.slice(0, -1)) ? 'maybe' : 'no';
}

function isAddress(peer: Prefix | undefined, isPeer: boolean, text: string): Answer {
  const bare = parseAddress(text);
  const read = bare === undefined ? parsePrefix(text, { hostBits: 'mask' }) : { value: prefixOf(bare) };
  if (peer === undefined || !isPeer || !('value' in read)) return 'maybe';
  const wanted = PrefixSet.of([peer]);
  const given = PrefixSet.of([read.value]);
  if (given.covers(wanted)) return 'yes';
  return given.overlaps(wanted) ? 'maybe' : 'no';
}

const NAMES: Readonly<Record<string, number>> = { ssh: 22, domain: 53, bgp: BGP_PORT, https: 443, http: 80 };

function isOfPort(port: number, text: string): Answer {
  const [first, last = first] = text.split('-').map((each) => NAMES[each] ?? Number(each));
  if (first === undefined || last === undefined || Number.isNaN(first) || Number.isNaN(last)) return 'maybe';
  return port >= first && port <= last ? 'yes' : 'no';
}
