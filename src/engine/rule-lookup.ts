import type { Policy, Rule } from '../inventory/model.ts';
import type { Address } from '../ip/address.ts';
import type { Packet } from './packet.ts';
import type { Party } from './party.ts';
import { ruleMatches } from './rule-match.ts';
import type { Direction } from './selected-policies.ts';

/** A rule, and whose it is. */
export interface Found {
  readonly policy: Policy;
  readonly rule: Rule;
}

/** Lists of so few rules are walked as they are. */
const FEW_RULES = 4;
/** A rule with more prefixes than this is looked at for every packet. */
const FEW_PREFIXES = 64;
/** IPv4 base and length in one number: below 2³⁸, so exact. */
const LENGTHS4 = 64;
const LENGTHS6 = 256n;

/**
 * The first rule of a list of policies that matches a packet, Log rules aside. A list that is asked for a second time is filed by the
 * prefixes of the far end, which are the packet's destination for what an endpoint sends and its source for what it receives: then only
 * the rules are looked at whose prefixes hold that address, and those that name none.
 */
export class RuleLookups {
  /** By the list itself: lists are never changed. */
  readonly #asked = {
    ingress: new WeakMap<readonly Policy[], RuleLookup | 'once'>(),
    egress: new WeakMap<readonly Policy[], RuleLookup | 'once'>(),
  } as const;

  first(
    policies: readonly Policy[],
    direction: Direction,
    packet: Packet,
    source: Party,
    destination: Party,
  ): Found | undefined {
    const asked = this.#asked[direction];
    const known = asked.get(policies);
    if (known === undefined) {
      asked.set(policies, 'once');
      return walk(policies, direction, packet, source, destination);
    }
    if (known !== 'once') return known.first(packet, source, destination);
    if (isShort(policies, direction)) return walk(policies, direction, packet, source, destination);
    const lookup = new RuleLookup(policies, direction);
    asked.set(policies, lookup);
    return lookup.first(packet, source, destination);
  }
}

function isShort(policies: readonly Policy[], direction: Direction): boolean {
  let count = 0;
  for (const policy of policies) {
    count += policy[direction]?.length ?? 0;
    if (count > FEW_RULES) return false;
  }
  return true;
}

function walk(
  policies: readonly Policy[],
  direction: Direction,
  packet: Packet,
  source: Party,
  destination: Party,
): Found | undefined {
  for (const policy of policies)
    for (const rule of policy[direction] ?? [])
      if (rule.action !== 'Log' && ruleMatches(rule, packet, source, destination)) return { policy, rule };
  return undefined;
}

/** The rules of one list in order, without Log, filed by the prefixes of their far end. */
class RuleLookup {
  readonly #rules: Found[] = [];
  readonly #farEnd: 'source' | 'destination';
  /** Places of the rules that every packet is compared with, ascending, as all lists of places. */
  readonly #always: number[] = [];
  /** Places by prefix; and which lengths occur. */
  readonly #v4 = new Map<number, number[]>();
  readonly #v6 = new Map<bigint, number[]>();
  readonly #lengths: Readonly<Record<4 | 6, Set<number>>> = { 4: new Set(), 6: new Set() };

  constructor(policies: readonly Policy[], direction: Direction) {
    this.#farEnd = direction === 'egress' ? 'destination' : 'source';
    for (const policy of policies)
      for (const rule of policy[direction] ?? []) if (rule.action !== 'Log') this.#file({ policy, rule });
  }

  first(packet: Packet, source: Party, destination: Party): Found | undefined {
    const lists = this.#listsFor(packet[this.#farEnd]);
    const next = lists.map(() => 0);
    for (;;) {
      let place = Infinity;
      let from = -1;
      for (let n = 0; n < lists.length; n++) {
        const candidate = lists[n]?.[next[n] as number];
        if (candidate === undefined || candidate >= place) continue;
        place = candidate;
        from = n;
      }
      const found = this.#rules[place];
      if (found === undefined) return undefined;
      if (ruleMatches(found.rule, packet, source, destination)) return found;
      next[from] = (next[from] as number) + 1;
    }
  }

  #file(found: Found): void {
    const place = this.#rules.push(found) - 1;
    const prefixes = found.rule[this.#farEnd].nets?.prefixes();
    if (prefixes === undefined || prefixes.length > FEW_PREFIXES) {
      this.#always.push(place);
      return;
    }
    for (const { address, length } of prefixes) {
      this.#lengths[address.family].add(length);
      if (address.family === 4) push(this.#v4, key4(address.value, length), place);
      else push(this.#v6, key6(address.value, length), place);
    }
  }

  /** The lists that together have every rule that can match; prefixes of one rule are disjoint, so none is in two of them. */
  #listsFor(address: Address): readonly (readonly number[])[] {
    const lists: (readonly number[])[] = this.#always.length === 0 ? [] : [this.#always];
    for (const length of this.#lengths[address.family]) {
      const places =
        address.family === 4 ? this.#v4.get(key4(address.value, length)) : this.#v6.get(key6(address.value, length));
      if (places !== undefined) lists.push(places);
    }
    return lists;
  }
}

function push<K>(map: Map<K, number[]>, key: K, place: number): void {
  const places = map.get(key);
  if (places === undefined) map.set(key, [place]);
  else places.push(place);
}

function key4(address: number, length: number): number {
  const size = 2 ** (32 - length);
  return (address - (address % size)) * LENGTHS4 + length;
}

function key6(address: bigint, length: number): bigint {
  const rest = BigInt(128 - length);
  return ((address >> rest) << rest) * LENGTHS6 + BigInt(length);
}
