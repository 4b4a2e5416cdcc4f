import { SallyportError } from '../base/error.ts';
import { type Prefix, formatPrefix, parsePrefix } from '../ip/prefix.ts';
import type { Changes } from './label-index-delta.ts';
import { Incidence } from './label-index-incidence.ts';
import { Interner } from './label-index-interner.ts';

/** A port of an endpoint that rules can name. */
export interface EndpointPort {
  readonly name: string;
  /** `tcp`, `udp` or `sctp`, in any case. */
  readonly proto: string;
  readonly port: number;
}

/** What turns a selector's set into one of named ports. */
export interface PortOfSet {
  readonly namedPort: string;
  readonly namedPortProtocol: 'tcp' | 'udp' | 'sctp' | 'any';
}

/** The members that endpoints bring to a set: addresses, or addresses with a port. */
export interface MemberSet {
  readonly id: string;
  readonly slot: number;
  readonly port: PortOfSet | undefined;
}

/** Addresses and ports in the form that is compared: canonical, each once. */
export interface Addressing {
  readonly nets: readonly string[];
  /** `name`, protocol and number of each port as `,tcp:80`. */
  readonly ports: readonly (readonly [name: string, protocol: string, suffix: string])[];
}

/**
 * Checks and normalises what an endpoint brings. Bits after a prefix's length are cleared, a bare address is a host, and a prefix of
 * length 0 becomes its two halves, because Linux sets cannot hold it (semantics 4.4).
 */
export function readAddressing(nets: readonly string[], ports: readonly EndpointPort[]): Addressing {
  const texts = new Set<string>();
  for (const net of nets) {
    const read = parsePrefix(net, { bareAddress: true, hostBits: 'mask' });
    if ('problem' in read) throw new SallyportError('LABEL_INDEX_INPUT', read.problem, { net });
    for (const text of memberTexts(read.value)) texts.add(text);
  }
  const bySuffix = new Map<string, readonly [string, string, string]>();
  for (const { name, proto, port } of ports) {
    const protocol = proto.toLowerCase();
    bySuffix.set(`${protocol}:${port}:${name}`, [name, protocol, `,${protocol}:${port}`]);
  }
  return { nets: [...texts], ports: [...bySuffix.values()] };
}

function memberTexts(prefix: Prefix): readonly string[] {
  if (prefix.length > 0) return [formatPrefix(prefix)];
  return prefix.family === 4 ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1'];
}

/**
 * What each endpoint brings to sets, and who else brings the same. A member belongs to a set while one endpoint that brings it
 * matches, so nothing is stored per set: whoever comes or goes asks whether another is left.
 */
export class Members {
  readonly #texts = new Interner();
  /** Rows are endpoints, columns members. */
  readonly #brought = new Incidence();
  /** Port lists by their text; most endpoints share theirs with many others. */
  readonly #portLists = new Interner();
  readonly #portsOfList: Addressing['ports'][] = [[]];
  readonly #listOf: number[] = [];
  /** Rows are endpoints, columns selectors that match. */
  readonly #matches: Incidence;

  constructor(matches: Incidence) {
    this.#matches = matches;
  }

  /** Whether the endpoint brings something else than this. */
  differs(endpoint: number, { nets, ports }: Addressing): boolean {
    if (this.#portLists.find(portListText(ports)) !== (this.#listOf[endpoint] ?? 0)) return true;
    let known = 0;
    for (let cell = this.#brought.firstInRow(endpoint); cell !== 0; cell = this.#brought.nextInRow(cell)) {
      const text = this.#texts.text(this.#brought.columnOf(cell));
      if (text === undefined || !nets.includes(text)) return true;
      known++;
    }
    return known !== nets.length;
  }

  replace(endpoint: number, { nets, ports }: Addressing): void {
    for (let cell = this.#brought.firstInRow(endpoint); cell !== 0; ) {
      const next = this.#brought.nextInRow(cell);
      const member = this.#brought.columnOf(cell);
      this.#brought.remove(cell);
      this.#texts.release(member);
      cell = next;
    }
    for (const text of nets) this.#brought.add(endpoint, this.#texts.acquire(text));

    const old = this.#listOf[endpoint] ?? 0;
    const text = portListText(ports);
    const list = text === '' ? 0 : this.#portLists.acquire(text);
    this.#portsOfList[list] = ports;
    this.#listOf[endpoint] = list;
    if (old !== 0) this.#portLists.release(old);
  }

  /** The endpoint has come to match these sets. */
  enter(sets: readonly MemberSet[], endpoint: number, changes: Changes): void {
    this.#own(sets, endpoint, changes, (set, member) => changes.add(set, member));
  }

  /** The endpoint has ceased to match these sets, or is about to. */
  leave(sets: readonly MemberSet[], endpoint: number, changes: Changes): void {
    this.#own(sets, endpoint, changes, (set, member) => changes.remove(set, member));
  }

  /** The endpoints that bring an address. */
  bringersOf(text: string): readonly number[] {
    return this.#othersThatBring(this.#texts.find(text), NOBODY);
  }

  /** Every member of a set, each once, sorted. */
  list(set: MemberSet): readonly string[] {
    const members = new Set<string>();
    for (let cell = this.#matches.firstInColumn(set.slot); cell !== 0; cell = this.#matches.nextInColumn(cell)) {
      const endpoint = this.#matches.rowOf(cell);
      for (let net = this.#brought.firstInRow(endpoint); net !== 0; net = this.#brought.nextInRow(net)) {
        const text = this.#texts.text(this.#brought.columnOf(net)) ?? '';
        for (const suffix of this.#suffixes(set.port, endpoint)) members.add(memberOf(text, suffix));
      }
    }
    members.delete('');
    return [...members].sort();
  }

  /** Calls `each` for every member that this endpoint, and no other one that matches, brings to one of the sets. */
  #own(
    sets: readonly MemberSet[],
    endpoint: number,
    changes: Changes,
    each: (set: string, member: string) => void,
  ): void {
    if (sets.length === 0 || changes.untold) return;
    for (let cell = this.#brought.firstInRow(endpoint); cell !== 0; cell = this.#brought.nextInRow(cell)) {
      const net = this.#brought.columnOf(cell);
      const text = this.#texts.text(net) ?? '';
      const others = this.#othersThatBring(net, endpoint);
      if (others.length > 0) changes.contested = true;
      const matchedByOthers = this.#matchedBy(others);
      for (const set of sets)
        for (const suffix of this.#suffixes(set.port, endpoint)) {
          const member = memberOf(text, suffix);
          if (member === '') continue;
          if (matchedByOthers.has(set.slot) && this.#oneBrings(others, set, suffix)) continue;
          each(set.id, member);
        }
    }
  }

  #othersThatBring(net: number, endpoint: number): readonly number[] {
    const others: number[] = [];
    for (let cell = this.#brought.firstInColumn(net); cell !== 0; cell = this.#brought.nextInColumn(cell)) {
      const other = this.#brought.rowOf(cell);
      if (other !== endpoint) others.push(other);
    }
    return others;
  }

  /** The selectors that match at least one of these endpoints. */
  #matchedBy(endpoints: readonly number[]): ReadonlySet<number> {
    if (endpoints.length === 0) return NONE;
    const selectors = new Set<number>();
    for (const endpoint of endpoints)
      for (let cell = this.#matches.firstInRow(endpoint); cell !== 0; cell = this.#matches.nextInRow(cell))
        selectors.add(this.#matches.columnOf(cell));
    return selectors;
  }

  /** Whether one of these endpoints, which have the address, matches the set and has the port. One of them is known to match. */
  #oneBrings(endpoints: readonly number[], set: MemberSet, suffix: string): boolean {
    if (set.port === undefined) return true;
    return endpoints.some(
      (endpoint) => this.#isMatched(endpoint, set.slot) && this.#suffixes(set.port, endpoint).includes(suffix),
    );
  }

  #isMatched(endpoint: number, selector: number): boolean {
    for (let cell = this.#matches.firstInRow(endpoint); cell !== 0; cell = this.#matches.nextInRow(cell))
      if (this.#matches.columnOf(cell) === selector) return true;
    return false;
  }

  /** What the endpoint appends to its addresses in a set: nothing, or each of its ports that the set names. */
  #suffixes(port: PortOfSet | undefined, endpoint: number): readonly string[] {
    if (port === undefined) return NO_SUFFIX;
    const suffixes = new Set<string>();
    for (const [name, protocol, suffix] of this.#portsOfList[this.#listOf[endpoint] ?? 0] ?? []) {
      if (name !== port.namedPort) continue;
      if (port.namedPortProtocol === 'any' || port.namedPortProtocol === protocol) suffixes.add(suffix);
    }
    return [...suffixes];
  }
}

const NO_SUFFIX: readonly string[] = [''];
const NONE: ReadonlySet<number> = new Set();
/** The number of no endpoint. */
const NOBODY = 0;

function portListText(ports: Addressing['ports']): string {
  return ports.length === 0 ? '' : JSON.stringify(ports);
}

/** A port belongs to one address, so prefixes that hold more bring nothing to a set of named ports: the empty text. */
function memberOf(net: string, suffix: string): string {
  if (suffix === '') return net;
  const slash = net.lastIndexOf('/');
  const isHost = net.slice(slash) === (net.includes(':') ? '/128' : '/32');
  return isHost ? net.slice(0, slash) + suffix : '';
}
