import { each, type Pieces } from '../../base/pieces.ts';
import type { Family } from '../../ip/address.ts';
import type { Resolved } from '../rules/domain-sets.ts';
import type { GivenAddress } from './learning.ts';

/** Names that policies ask for: each has rules and sets of its own. */
export const MOST_WANTED = 2_000;
/** Names that nobody asks for yet: a policy that comes later finds them. */
export const MOST_SEEN = 10_000;
/** Of one name and one family. */
export const MOST_ADDRESSES = 500;
/** Resolvers in the cluster keep an answer for so long at least, whatever it says. */
const LEAST_TTL_S = 5;
/** RFC 8767 section 4: longer is believed by nobody. */
const MOST_TTL_S = 7 * 24 * 3_600;
/** Who took an address at the last moment may still begin a connection. */
const GRACE_MS = 5_000;
/** A name that policies ask for keeps its sets and rules so long after its last address: it may well be asked for again. */
const IDLE_MS = 3_600_000;

/** Addresses and when they end, in the milliseconds of whoever keeps the book. */
type Addresses = Map<string, number>;

interface Entry {
  readonly 4: Addresses;
  readonly 6: Addresses;
  /** When the last of its addresses ended, or will end. */
  end: number;
  /** Some of them were of IPv6. */
  hadIpv6: boolean;
}

/** One name of the book, for whoever writes it down. */
export interface BookEntry {
  readonly name: string;
  /** A policy asks for it, so it has sets. */
  readonly wanted?: boolean;
  readonly family: Family;
  readonly addresses: ReadonlyMap<string, number>;
}

/**
 * What resolvers said, by name, for as long as they said. Bounded: of names that no policy asks for, the one that was asked for longest ago goes;
 * of those that policies ask for, no more are taken than fit. Time is the caller's.
 */
export class NameBook {
  readonly #wanted = new Map<string, Entry>();
  readonly #seen = new Map<string, Entry>();
  #isWanted: (name: string) => boolean = () => false;

  /** Whom policies ask for from now on; nothing that was learnt is lost by it. */
  follow(isWanted: (name: string) => boolean): void {
    this.#isWanted = isWanted;
    for (const [from, to, moves] of [
      [this.#wanted, this.#seen, (name: string): boolean => !isWanted(name)],
      [this.#seen, this.#wanted, isWanted],
    ] as const)
      for (const [name, entry] of from)
        if (moves(name) && (to !== this.#wanted || to.size < MOST_WANTED)) {
          from.delete(name);
          to.set(name, entry);
        }
    this.#forget();
  }

  /** Whether a policy asks for it, and it has a place. */
  wants(name: string): boolean {
    if (this.#wanted.has(name)) return true;
    if (this.#seen.has(name)) return false;
    return this.#wanted.size < MOST_WANTED && this.#isWanted(name);
  }

  /** Whether there is no place for one more name that policies ask for. */
  get isFull(): boolean {
    return this.#wanted.size >= MOST_WANTED;
  }

  /** Notes addresses of a name; the same again lives longer, never shorter. */
  learn(name: string, addresses: readonly GivenAddress[], now: number): void {
    if (addresses.length === 0) return;
    const entry = this.#entryOf(name);
    for (const { family, text, ttl } of addresses) {
      note(entry, family, text, now + Math.min(Math.max(ttl, LEAST_TTL_S), MOST_TTL_S) * 1_000);
    }
  }

  /** Notes what was written down before. However far ahead its end lies there, it lives no longer than what is learnt now. */
  restore({ name, family, addresses }: BookEntry, now: number): void {
    const entry = this.#entryOf(name);
    for (const [text, until] of addresses) note(entry, family, text, Math.min(until, now + MOST_TTL_S * 1_000));
  }

  /** Lets go what has ended. What is learnt between two pieces is heeded, or comes to its turn the next time. */
  *expire(now: number): Pieces {
    // A copy: a name that is asked for again goes to the end of those that were seen.
    for (const names of [this.#wanted, this.#seen])
      yield* each([...names], ([name, entry]) => {
        if (names.get(name) !== entry) return;
        for (const family of [4, 6] as const)
          for (const [address, until] of entry[family]) if (until + GRACE_MS <= now) entry[family].delete(address);
        const idle = names === this.#wanted ? IDLE_MS : 0;
        if (entry[4].size + entry[6].size === 0 && entry.end + idle <= now) names.delete(name);
      });
  }

  /** The addresses of a name that policies ask for. */
  addresses(name: string, family: Family): ReadonlyMap<string, number> {
    return this.#wanted.get(name)?.[family] ?? NONE;
  }

  /** What rules are made from: the names that policies ask for. */
  resolved(): Resolved {
    return new Map(
      [...this.#wanted].map(([name, entry]) => [
        name,
        { ipv4: [...entry[4].keys()], ipv6: entry.hadIpv6 ? [...entry[6].keys()] : undefined },
      ]),
    );
  }

  /** All that is known, what policies ask for first. */
  *entries(): Generator<BookEntry> {
    for (const names of [this.#wanted, this.#seen])
      for (const [name, entry] of names)
        for (const family of [4, 6] as const)
          if (entry[family].size > 0) yield { name, wanted: names === this.#wanted, family, addresses: entry[family] };
  }

  get size(): { readonly wanted: number; readonly seen: number } {
    return { wanted: this.#wanted.size, seen: this.#seen.size };
  }

  #entryOf(name: string): Entry {
    const known = this.#wanted.get(name);
    if (known !== undefined) return known;
    const seen = this.#seen.get(name);
    if (seen === undefined && this.wants(name)) {
      const entry = emptyEntry();
      this.#wanted.set(name, entry);
      return entry;
    }
    const entry = seen ?? emptyEntry();
    // The one that was asked for last stands last.
    this.#seen.delete(name);
    this.#seen.set(name, entry);
    this.#forget();
    return entry;
  }

  #forget(): void {
    for (const name of this.#seen.keys()) {
      if (this.#seen.size <= MOST_SEEN) return;
      this.#seen.delete(name);
    }
  }
}

const NONE: ReadonlyMap<string, number> = new Map();

function emptyEntry(): Entry {
  return { 4: new Map(), 6: new Map(), end: 0, hadIpv6: false };
}

function note(entry: Entry, family: Family, text: string, until: number): void {
  const addresses = entry[family];
  entry.end = Math.max(entry.end, until);
  entry.hadIpv6 ||= family === 6;
  const before = addresses.get(text);
  if (before !== undefined) {
    if (until > before) addresses.set(text, until);
    return;
  }
  if (addresses.size >= MOST_ADDRESSES) {
    let first: string | undefined;
    for (const [each, end] of addresses) if (first === undefined || end < (addresses.get(first) ?? 0)) first = each;
    if (first !== undefined) addresses.delete(first);
  }
  addresses.set(text, until);
}
