import type { BucketMap } from '../../../base/bucket-map.ts';
import { assertNever } from '../../../base/error.ts';
import type { Flow } from '../../../engine/flows/flow-set.ts';
import { formatAddress } from '../../../ip/address.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import type { Action, CtState, Match, NftTable, Rule } from '../table/model.ts';
import { FORWARD, POSTROUTING } from '../table/names.ts';

/** A packet as the rules see it. `flow` is the packet's own direction: a reply has the outside address as its source. */
export interface Packet {
  readonly flow: Flow;
  readonly state: CtState;
  readonly direction: 'original' | 'reply';
  /** The connection bears the dead mark. */
  readonly dead: boolean;
}

/** What the table does with one packet. */
export interface Outcome {
  readonly passes: boolean;
  /** The comment of the last rule with one that the packet matched: the origin of the verdict. */
  readonly tag?: string;
  /** The connection got the dead mark. */
  readonly marked: boolean;
  /** Source address behind the firewall, canonical; the packet's own where nothing is translated or it does not pass. */
  readonly leavesAs: string;
}

/** What the kernel does with a packet that holds this table, base chains and all; the reference for what we write and read back. */
export function decide(table: NftTable, packet: Packet): Outcome {
  const walk = new Walk(table, packet);
  const source = walk.source;
  const passes = walk.base(FORWARD) && (packet.state !== 'new' || walk.base(POSTROUTING));
  const tag = walk.tag === undefined ? {} : { tag: walk.tag };
  return { passes, ...tag, marked: walk.marked, leavesAs: passes ? (walk.translated ?? source) : source };
}

/** Whether the first packet of a connection passes. */
export function passes(table: NftTable, flow: Flow): boolean {
  return decide(table, firstPacket(flow)).passes;
}

/** A packet that opens a connection. */
export function firstPacket(flow: Flow): Packet {
  return { flow, state: 'new', direction: 'original', dead: false };
}

const EPHEMERAL = 49_152;
const prefixSets = new WeakMap<BucketMap<true>, PrefixSet>();

/** The addresses of a `net` set. */
export function prefixSetOf(elements: BucketMap<true>): PrefixSet {
  let set = prefixSets.get(elements);
  if (set === undefined) {
    set = PrefixSet.parse(elements.keys());
    prefixSets.set(elements, set);
  }
  return set;
}

type Verdict = 'accept' | 'drop' | 'return' | 'next';

class Walk {
  readonly source: string;
  readonly #table: NftTable;
  readonly #packet: Packet;
  readonly #destination: string;
  tag: string | undefined;
  marked = false;
  translated: string | undefined;

  constructor(table: NftTable, packet: Packet) {
    this.#table = table;
    this.#packet = packet;
    this.source = formatAddress(packet.flow.source);
    this.#destination = formatAddress(packet.flow.destination);
  }

  /** Whether a base chain lets pass; one that is not there does. */
  base(name: string): boolean {
    const chain = this.#table.chains.get(name);
    if (chain === undefined) return true;
    const verdict = this.#rules(chain.rules);
    return verdict === 'accept' || (verdict !== 'drop' && chain.base?.policy !== 'drop');
  }

  #chain(name: string): Verdict {
    return this.#rules(this.#table.chains.get(name)?.rules ?? []);
  }

  #rules(rules: readonly Rule[]): Verdict {
    for (const rule of rules) {
      if (rule.kind === 'foreign' || !rule.matches.every((match) => this.#matches(match))) continue;
      if (rule.comment !== undefined && rule.action.do !== 'log') this.tag = rule.comment;
      const verdict = this.#act(rule.action);
      if (verdict !== 'next') return verdict;
    }
    return 'return';
  }

  #act(action: Action): Verdict {
    switch (action.do) {
      case 'accept':
      case 'drop':
      case 'return':
        return action.do;
      case 'goto':
        return this.#chain(action.chain);
      case 'jump': {
        const verdict = this.#chain(action.chain);
        return verdict === 'return' ? 'next' : verdict;
      }
      case 'dispatch':
        return this.#verdict(this.#isOf(action.family) ? this.#entry(action.map, this.source) : undefined);
      case 'dispatchByNumber': {
        const number = this.#isOf(action.family) ? this.#entry(action.numbers, this.source) : undefined;
        return this.#verdict(number === undefined ? undefined : this.#entry(action.map, number));
      }
      case 'log':
        return 'next';
      case 'markDead':
        this.marked = true;
        return 'next';
      case 'resetTcp':
        return 'drop';
      case 'translate': {
        const to = this.#isOf(action.family) ? this.#entry(action.map, this.source) : undefined;
        if (to === undefined) return 'next';
        this.translated = to;
        return 'accept';
      }
      default:
        return assertNever(action);
    }
  }

  /** The verdict in an element of a verdict map. */
  #verdict(text: string | undefined): Verdict {
    if (text === undefined) return 'next';
    const [word, chain = ''] = text.split(' ');
    if (word === 'accept' || word === 'drop' || word === 'return') return word;
    return this.#act(word === 'jump' ? { do: 'jump', chain } : { do: 'goto', chain });
  }

  #entry(map: string, key: string): string | undefined {
    return this.#table.maps.get(map)?.elements.get(key);
  }

  #isOf(family: 4 | 6): boolean {
    return this.#packet.flow.family === family;
  }

  #matches(match: Match): boolean {
    const { flow, state, direction, dead } = this.#packet;
    switch (match.on) {
      case 'state':
        return match.states.includes(state);
      case 'direction':
        return match.direction === direction;
      case 'dead':
        return dead;
      case 'address': {
        if (!this.#isOf(match.family)) return false;
        const key = match.side === 'saddr' ? this.source : this.#destination;
        const { sets, maps } = this.#table;
        return (sets.get(match.set) ?? maps.get(match.set))?.elements.has(key) === !match.not;
      }
      case 'net': {
        if (!this.#isOf(match.family)) return false;
        const set = this.#table.sets.get(match.set);
        const address = match.side === 'saddr' ? flow.source : flow.destination;
        return (set !== undefined && prefixSetOf(set.elements).contains(address)) !== match.not;
      }
      case 'service':
        return this.#hasService(match.set, match.side);
      case 'protocol':
        return (flow.protocol === match.protocol) !== match.not;
      case 'icmp': {
        if (!this.#isOf(match.family) || flow.protocol !== (match.family === 4 ? 1 : 58)) return false;
        const value = match.field === 'type' ? (flow.icmpType ?? (match.family === 4 ? 8 : 128)) : (flow.icmpCode ?? 0);
        return (value === match.value) !== match.not;
      }
      default:
        return assertNever(match);
    }
  }

  #hasService(name: string, side: 'sport' | 'dport'): boolean {
    const { protocol, sourcePort = EPHEMERAL, destinationPort = 0 } = this.#packet.flow;
    const port = side === 'sport' ? sourcePort : destinationPort;
    for (const key of this.#table.sets.get(name)?.elements.keys() ?? []) {
      const [of, range = ''] = key.split(' . ');
      const [first, last = first] = range.split('-');
      if (Number(of) === protocol && Number(first) <= port && port <= Number(last)) return true;
    }
    return false;
  }
}
