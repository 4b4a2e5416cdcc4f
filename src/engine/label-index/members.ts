import { SallyportError } from '../../base/error.ts';
import { type Prefix, parsePrefix } from '../../ip/prefix.ts';
import type { Changes } from './delta.ts';
import { FirstAddresses, isHost } from './first-addresses.ts';
import { type EndpointPort, PortLists, type PortOfSet } from './ports.ts';
import { Marks } from './marks.ts';
import { PrefixNumbers } from './prefixes.ts';
import { Relation } from './relation.ts';
import { Scratch } from './scratch.ts';

/** The members that endpoints bring to a set: addresses, or addresses with a port. */
export interface MemberSet {
  readonly id: string;
  readonly slot: number;
  readonly port: PortOfSet | undefined;
}

interface PortSet extends MemberSet {
  readonly port: PortOfSet;
}

/** Addresses and ports of an endpoint, the addresses checked and normalised. */
export interface Addressing {
  readonly nets: readonly Prefix[];
  readonly ports: readonly EndpointPort[];
}

/**
 * Checks and normalises what an endpoint brings. Bits after a prefix's length are cleared, a bare address is a host, and a prefix of
 * length 0 becomes its two halves, because Linux sets cannot hold it (semantics 4.4).
 */
export function readAddressing(nets: readonly (string | Prefix)[], ports: readonly EndpointPort[]): Addressing {
  if (nets.every(isReady)) return { nets, ports };
  const prefixes: Prefix[] = [];
  for (const net of nets) {
    const prefix = typeof net === 'string' ? readNet(net) : net;
    if (prefix.length > 0) prefixes.push(prefix);
    else prefixes.push(...HALVES[prefix.family]);
  }
  return { nets: prefixes, ports };
}

function isReady(net: string | Prefix): net is Prefix {
  return typeof net !== 'string' && net.length > 0;
}

function readNet(net: string): Prefix {
  const read = parsePrefix(net, { bareAddress: true, hostBits: 'mask' });
  if ('problem' in read) throw new SallyportError('LABEL_INDEX_INPUT', read.problem, { net });
  return read.value;
}

const HALVES = {
  4: [halfOf('0.0.0.0/1'), halfOf('128.0.0.0/1')],
  6: [halfOf('::/1'), halfOf('8000::/1')],
} as const;

function halfOf(text: string): Prefix {
  const read = parsePrefix(text);
  if ('problem' in read) throw new SallyportError('INTERNAL', read.problem);
  return read.value;
}

/**
 * What each endpoint brings to sets, and who else brings the same. A member belongs to a set while one endpoint that brings it
 * matches, so nothing is stored per set: whoever comes or goes asks whether another is left.
 */
export class Members {
  readonly #prefixes = new PrefixNumbers();
  /** Rows are endpoints, columns prefixes. */
  readonly #brought = new Relation();
  readonly #ports = new PortLists();
  readonly #firsts = new FirstAddresses();
  /** Rows are endpoints, columns selectors that match. */
  readonly #matches: Relation;

  // Room to work in, empty between calls.
  readonly #wanted = new Scratch();
  readonly #missing = new Marks();
  readonly #matchedByOthers = new Marks();

  constructor(matches: Relation) {
    this.#matches = matches;
  }

  /** Whether it is plain that an endpoint brings just this: in the order of last time. */
  isSame(endpoint: number, { nets, ports }: Addressing): boolean {
    const { rows } = this.#brought;
    const start = rows.startOf(endpoint);
    if (rows.lengthOf(endpoint) !== nets.length || !this.#ports.isSame(endpoint, ports)) return false;
    for (const [n, prefix] of nets.entries()) if (rows.items[start + n] !== this.#prefixes.find(prefix)) return false;
    return true;
  }

  /** Lets an endpoint that matches these sets bring this from now on. */
  set(endpoint: number, addressing: Addressing, sets: readonly MemberSet[], changes: Changes): void {
    // What enters sets here leaves those again that the endpoint's new labels take it out of.
    changes.contested = true;
    const { nets, ports } = addressing;
    const single = this.#firsts.of(endpoint) === undefined && (ports.length === 0 || nets.every(isHost));
    if (single && this.#ports.isSame(endpoint, ports)) {
      this.#replaceNets(endpoint, nets, sets, changes);
      return;
    }
    this.leave(sets, endpoint, changes);
    this.#replaceNets(endpoint, nets, [], changes);
    this.#ports.set(endpoint, ports);
    if (!single) this.#firsts.set(endpoint, nets, ports.length > 0);
    this.enter(sets, endpoint, changes);
  }

  /** The endpoint, which matches nothing, is gone. */
  delete(endpoint: number): void {
    const nets = this.#netsOf(endpoint);
    this.#brought.clearRow(endpoint);
    for (const net of nets) this.#prefixes.release(net);
    this.#ports.set(endpoint, []);
    this.#firsts.set(endpoint, [], false);
  }

  /** The endpoint has come to match these sets. */
  enter(sets: readonly MemberSet[], endpoint: number, changes: Changes): void {
    this.#moveAll(sets, endpoint, changes, true);
  }

  /** The endpoint has ceased to match these sets, or is about to. */
  leave(sets: readonly MemberSet[], endpoint: number, changes: Changes): void {
    this.#moveAll(sets, endpoint, changes, false);
  }

  /** The endpoints that bring an address or prefix, given in canonical text with its length. */
  bringersOf(text: string): Iterable<number> {
    const read = parsePrefix(text);
    const net = 'problem' in read ? 0 : this.#prefixes.find(read.value);
    return net === 0 ? NOBODY : this.#brought.rowsIn(net);
  }

  /** Every member of a set, each once, sorted. */
  list(set: MemberSet): readonly string[] {
    const members = new Set<string>();
    for (const endpoint of this.#matches.rowsIn(set.slot)) {
      if (set.port === undefined) for (const net of this.#netsOf(endpoint)) members.add(this.#prefixes.textOf(net));
      else
        for (const suffix of this.#ports.suffixes(endpoint, set.port))
          for (const address of this.#addressesOf(endpoint)) members.add(address + suffix);
    }
    return [...members].sort();
  }

  /** Replaces the prefixes, each of which counts once, and tells the sets of those that are different. */
  #replaceNets(endpoint: number, nets: readonly Prefix[], sets: readonly MemberSet[], changes: Changes): void {
    const { rows } = this.#brought;
    const wanted = this.#wanted;
    wanted.clear();
    this.#missing.clear();
    for (const prefix of nets) {
      const net = this.#prefixes.acquire(prefix);
      if (this.#missing.add(net)) wanted.push(net);
      else this.#prefixes.release(net);
    }
    // Backwards, because the last one takes the place of one that goes.
    for (let n = rows.lengthOf(endpoint) - 1; n >= 0; n--) {
      const net = rows.items[rows.startOf(endpoint) + n] as number;
      if (!this.#missing.delete(net)) {
        this.#move(net, sets, endpoint, changes, false);
        this.#brought.removeAt(endpoint, n);
      }
      // Given back once: the use that ends, or the second one that was taken above.
      this.#prefixes.release(net);
    }
    for (let n = 0; n < wanted.length; n++) {
      const net = wanted.items[n] as number;
      if (!this.#missing.delete(net)) continue;
      this.#brought.add(endpoint, net);
      this.#move(net, sets, endpoint, changes, true);
    }
  }

  #netsOf(endpoint: number): Int32Array {
    const { rows } = this.#brought;
    const start = rows.startOf(endpoint);
    return rows.items.slice(start, start + rows.lengthOf(endpoint));
  }

  #moveAll(sets: readonly MemberSet[], endpoint: number, changes: Changes, entering: boolean): void {
    if (sets.length === 0 || changes.untold) return;
    const firsts = this.#firsts.of(endpoint);
    const byNet = firsts === undefined ? sets : sets.filter(({ port }) => port === undefined);
    const { rows } = this.#brought;
    const start = rows.startOf(endpoint);
    for (let at = start, end = start + rows.lengthOf(endpoint); at < end; at++)
      this.#move(rows.items[at] as number, byNet, endpoint, changes, entering);
    for (const { text, host } of firsts ?? []) {
      const alone = [...this.#brought.rowsIn(this.#prefixes.find(host))].filter((other) => other !== endpoint);
      const others = this.#withPortsAt(text, alone, endpoint);
      for (const { id, slot, port } of sets)
        if (port !== undefined) this.#movePort({ id, slot, port }, text, others, endpoint, changes, entering);
    }
  }

  /** Tells the sets of what this endpoint, and no other one that matches, brings to them by one prefix. */
  #move(net: number, sets: readonly MemberSet[], endpoint: number, changes: Changes, entering: boolean): void {
    if (sets.length === 0 || changes.untold) return;
    const text = this.#prefixes.textOf(net);
    const others = this.#othersThatBring(net, endpoint);
    if (others.length > 0) {
      changes.contested = true;
      this.#markMatchesOf(others);
    }
    for (const { id, slot, port } of sets) {
      if (port === undefined) {
        if (others.length === 0 || !this.#matchedByOthers.has(slot)) changes.record(id, text, entering);
        continue;
      }
      const host = this.#ports.suffixes(endpoint, port).length === 0 ? undefined : this.#prefixes.hostOf(net);
      if (host === undefined) continue;
      const withPorts = this.#withPortsAt(host, others, endpoint);
      this.#movePort({ id, slot, port }, host, withPorts, endpoint, changes, entering);
    }
  }

  /** Tells a set of named ports of the ports that this endpoint, and none of these others, has at an address. */
  #movePort(
    { id, slot, port }: PortSet,
    address: string,
    others: readonly number[],
    endpoint: number,
    changes: Changes,
    entering: boolean,
  ): void {
    if (others.length > 0) changes.contested = true;
    const matching = others.filter((other) => this.#matches.has(other, slot));
    for (const suffix of this.#ports.suffixes(endpoint, port))
      if (!matching.some((other) => this.#ports.suffixes(other, port).includes(suffix)))
        changes.record(id, address + suffix, entering);
  }

  /** These others, who bring an address by itself, and those who have their ports there by a wider prefix. */
  #withPortsAt(address: string, others: readonly number[], endpoint: number): readonly number[] {
    const firsts = [...this.#firsts.bringersOf(address)].filter((other) => other !== endpoint);
    return firsts.length === 0 ? others : [...new Set([...others, ...firsts])];
  }

  #othersThatBring(net: number, endpoint: number): readonly number[] {
    if (this.#brought.sizeOf(net) === 1) return NOBODY;
    return [...this.#brought.rowsIn(net)].filter((other) => other !== endpoint);
  }

  #markMatchesOf(endpoints: readonly number[]): void {
    const { rows } = this.#matches;
    this.#matchedByOthers.clear();
    for (const endpoint of endpoints) {
      const start = rows.startOf(endpoint);
      for (let at = start, end = start + rows.lengthOf(endpoint); at < end; at++)
        this.#matchedByOthers.add(rows.items[at] as number);
    }
  }

  /** Where the endpoint has its ports. */
  #addressesOf(endpoint: number): readonly string[] {
    const firsts = this.#firsts.of(endpoint);
    if (firsts !== undefined) return firsts.map(({ text }) => text);
    return Array.from(this.#netsOf(endpoint), (net) => this.#prefixes.hostOf(net)).filter((host) => host !== undefined);
  }
}

const NOBODY: readonly number[] = [];
