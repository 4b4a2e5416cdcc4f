import { each, type Pieces } from '../../base/pieces.ts';
import type { Family } from '../../ip/address.ts';
import type { Resolved } from '../rules/domain-sets.ts';
import type { GivenAddress } from './learning.ts';

/** Names that patterns of policies match, beyond those that policies spell out: each has rules and sets of its own. */
export const MOST_WANTED = 2_000;
/** Names that nobody asks for yet: a policy that comes later finds them. */
export const MOST_SEEN = 10_000;
/** Of all names together that policies ask for, and that nobody asks for: whoever owns a zone can give each of its names as many as he likes. */
export const MOST_WANTED_ADDRESSES = 100_000;
export const MOST_SEEN_ADDRESSES = 50_000;
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
  /** Policies ask for it, and there was no place. */
  isTurnedAway: boolean;
}

/** Names, and how many addresses they have together. */
class Shelf {
  readonly entries = new Map<string, Entry>();
  addresses = 0;

  put(name: string, entry: Entry): void {
    this.entries.set(name, entry);
    this.addresses += sizeOf(entry);
  }

  take(name: string): void {
    const entry = this.entries.get(name);
    if (entry !== undefined) this.addresses -= sizeOf(entry);
    this.entries.delete(name);
  }

  /** Of an entry that is here; all changes of its addresses. */
  change(entry: Entry, change: () => void): void {
    const before = sizeOf(entry);
    change();
    this.addresses += sizeOf(entry) - before;
  }
}

/** One name of the book, for whoever writes it down. */
export interface BookEntry {
  readonly name: string;
  /** A policy asks for it, so it has sets. */
  readonly wanted?: boolean;
  readonly family: Family;
  readonly addresses: ReadonlyMap<string, number>;
}

/** Whom policies ask for. */
export interface Followed {
  /** Names as such: there is always a place for these. */
  readonly names: ReadonlySet<string>;
  readonly includes: (name: string) => boolean;
}

/**
 * What resolvers said, by name, for as long as they said. Bounded: of names that no policy asks for, the one that was asked for longest ago goes;
 * of those that patterns match, one without addresses makes room, else no more are taken than fit; of addresses, who has most gives up those that end first. Time
 * is the caller's.
 */
export class NameBook {
  readonly #wanted = new Shelf();
  readonly #seen = new Shelf();
  readonly #turnedAway: () => void;
  #followed: Followed = { names: new Set(), includes: () => false };
  /** Some names that patterns match may have no addresses. */
  #hasIdle = false;

  /** `turnedAway`: hears each time that somebody learns of a name that a policy asks for, and there is no place. */
  constructor(turnedAway: () => void = () => {}) {
    this.#turnedAway = turnedAway;
  }

  /** Whom policies ask for from now on; nothing that was learnt is lost by it. */
  follow(followed: Followed): void {
    this.#followed = followed;
    for (const [name, entry] of this.#wanted.entries)
      if (!followed.includes(name)) {
        this.#wanted.take(name);
        this.#seen.put(name, entry);
      }
    for (const [name, entry] of this.#seen.entries) {
      entry.isTurnedAway = followed.includes(name);
      if (entry.isTurnedAway && (followed.names.has(name) || !this.isFull)) this.#promote(name, entry);
    }
    this.#fit(NOBODY);
  }

  /** Whether a policy asks for it, and it has a place. */
  wants(name: string): boolean {
    if (this.#wanted.entries.has(name)) return true;
    const seen = this.#seen.entries.get(name);
    // So it is with nearly all names that are asked for, which then need not be compared with each pattern.
    if (seen !== undefined && !seen.isTurnedAway) return false;
    if (this.#followed.names.has(name)) return true;
    return this.#followed.includes(name) && (!this.isFull || this.#idlest() !== undefined);
  }

  /** Whether there is no place for one more name that patterns match. */
  get isFull(): boolean {
    return this.#wanted.entries.size >= MOST_WANTED + this.#followed.names.size;
  }

  /** Notes addresses of a name; the same again lives longer, never shorter. Whether a policy asks for it, and it has a place. */
  learn(name: string, addresses: readonly GivenAddress[], now: number): boolean {
    if (addresses.length === 0) return this.wants(name);
    const wanted = this.#wanted.entries.get(name);
    const entry = wanted ?? this.#entryOf(name);
    const before = sizeOf(entry);
    // Whole milliseconds: V8 keeps another number as an object of its own, a new one for each answer.
    const from = Math.ceil(now);
    for (const { family, text, ttl } of addresses)
      note(entry, family, text, from + Math.min(Math.max(ttl, LEAST_TTL_S), MOST_TTL_S) * 1_000);
    if (sizeOf(entry) > before) this.#grown(name, entry, before, new Set(addresses.map(({ text }) => text)));
    return wanted !== undefined || this.#wanted.entries.has(name);
  }

  /** Notes what was written down before. However far ahead its end lies there, it lives no longer than what is learnt now. */
  restore({ name, family, addresses }: BookEntry, now: number): void {
    const entry = this.#entryOf(name);
    const before = sizeOf(entry);
    for (const [text, until] of addresses) note(entry, family, text, Math.min(until, now + MOST_TTL_S * 1_000));
    this.#grown(name, entry, before, NOBODY);
  }

  /** Lets go what has ended. What is learnt between two pieces is heeded, or comes to its turn the next time. */
  *expire(now: number): Pieces {
    // A copy: a name that is asked for again goes to the end of those that were seen.
    for (const shelf of [this.#wanted, this.#seen])
      yield* each([...shelf.entries], ([name, entry]) => {
        if (shelf.entries.get(name) !== entry) return;
        shelf.change(entry, () => {
          for (const family of [4, 6] as const)
            for (const [address, until] of entry[family]) if (until + GRACE_MS <= now) entry[family].delete(address);
        });
        const isIdle = sizeOf(entry) === 0;
        const idle = shelf === this.#wanted ? IDLE_MS : 0;
        if (isIdle && entry.end + idle <= now) shelf.take(name);
        else if (isIdle) this.#hasIdle = true;
      });
  }

  /** The addresses of a name that policies ask for. */
  addresses(name: string, family: Family): ReadonlyMap<string, number> {
    return this.#wanted.entries.get(name)?.[family] ?? NONE;
  }

  /** What rules are made from: the names that policies ask for. */
  resolved(): Resolved {
    return new Map(
      [...this.#wanted.entries].map(([name, entry]) => [
        name,
        { ipv4: [...entry[4].keys()], ipv6: entry.hadIpv6 ? [...entry[6].keys()] : undefined },
      ]),
    );
  }

  /** All that is known, what policies ask for first. */
  *entries(): Generator<BookEntry> {
    for (const shelf of [this.#wanted, this.#seen])
      for (const [name, entry] of shelf.entries)
        for (const family of [4, 6] as const)
          if (entry[family].size > 0) yield { name, wanted: shelf === this.#wanted, family, addresses: entry[family] };
  }

  get size(): { readonly wanted: number; readonly seen: number } {
    return { wanted: this.#wanted.entries.size, seen: this.#seen.entries.size };
  }

  /** The name that a pattern matches which has been without addresses longest. */
  #idlest(): string | undefined {
    if (!this.#hasIdle) return undefined;
    let idlest: string | undefined;
    let first = Number.POSITIVE_INFINITY;
    for (const [name, entry] of this.#wanted.entries) {
      if (sizeOf(entry) > 0 || entry.end >= first || this.#followed.names.has(name)) continue;
      idlest = name;
      first = entry.end;
    }
    this.#hasIdle = idlest !== undefined;
    return idlest;
  }

  /** `before`: how many addresses it had. `fresh`: those that somebody is about to connect to. */
  #grown(name: string, entry: Entry, before: number, fresh: ReadonlySet<string>): void {
    const shelf = this.#wanted.entries.get(name) === entry ? this.#wanted : this.#seen;
    shelf.addresses += sizeOf(entry) - before;
    shelf.change(entry, () => {
      for (const family of [4, 6] as const) shed(entry[family], MOST_ADDRESSES, fresh);
    });
    this.#fit(fresh);
  }

  #fit(fresh: ReadonlySet<string>): void {
    while (this.#wanted.addresses > MOST_WANTED_ADDRESSES) this.#shedMost(fresh);
    for (const name of this.#seen.entries.keys()) {
      if (this.#seen.entries.size <= MOST_SEEN && this.#seen.addresses <= MOST_SEEN_ADDRESSES) return;
      this.#seen.take(name);
    }
  }

  /** Who has most addresses gives some up. */
  #shedMost(fresh: ReadonlySet<string>): void {
    let most = emptyEntry();
    for (const entry of this.#wanted.entries.values()) if (sizeOf(entry) > sizeOf(most)) most = entry;
    const larger = most[4].size >= most[6].size ? most[4] : most[6];
    const excess = this.#wanted.addresses - MOST_WANTED_ADDRESSES;
    const given = Math.min(excess, Math.ceil(larger.size / 8));
    this.#wanted.change(most, () => shed(larger, larger.size - given, fresh));
  }

  #entryOf(name: string): Entry {
    const known = this.#wanted.entries.get(name);
    if (known !== undefined) return known;
    const seen = this.#seen.entries.get(name);
    const entry = seen ?? emptyEntry();
    if (this.wants(name)) {
      this.#promote(name, entry);
      return entry;
    }
    // The one that was asked for last stands last.
    this.#seen.take(name);
    this.#seen.put(name, entry);
    if (seen === undefined) entry.isTurnedAway = this.isFull && this.#followed.includes(name);
    if (entry.isTurnedAway) this.#turnedAway();
    return entry;
  }

  /** Policies ask for it from now on. */
  #promote(name: string, entry: Entry): void {
    const idlest = this.isFull && !this.#followed.names.has(name) ? this.#idlest() : undefined;
    if (idlest !== undefined) this.#wanted.take(idlest);
    this.#seen.take(name);
    entry.isTurnedAway = false;
    this.#wanted.put(name, entry);
  }
}

const NOBODY: ReadonlySet<string> = new Set();
const NONE: ReadonlyMap<string, number> = new Map();

function emptyEntry(): Entry {
  return { 4: new Map(), 6: new Map(), end: 0, hadIpv6: false, isTurnedAway: false };
}

function sizeOf(entry: Entry): number {
  return entry[4].size + entry[6].size;
}

function note(entry: Entry, family: Family, text: string, until: number): void {
  entry.end = Math.max(entry.end, until);
  entry.hadIpv6 ||= family === 6;
  const before = entry[family].get(text);
  if (before === undefined || until > before) entry[family].set(text, until);
}

/** Leaves no more than so many; those that end first go, but of `fresh` ones only when no others are left: somebody is about to connect to these. */
function shed(addresses: Addresses, most: number, fresh: ReadonlySet<string>): void {
  if (addresses.size <= most) return;
  const byEnd = [...addresses].sort(([, a], [, b]) => a - b).map(([text]) => text);
  for (const text of [...byEnd.filter((each) => !fresh.has(each)), ...byEnd.filter((each) => fresh.has(each))]) {
    if (addresses.size <= most) return;
    addresses.delete(text);
  }
}
