import { SallyportError } from '../../base/error.ts';
import type { BucketMap } from '../../base/bucket-map.ts';
import { type Address, compareAddresses, parseAddress } from '../../ip/address.ts';

/** So many changes are merged into a sorted list; more are sorted anew. */
const MOST_MERGED = 2_000;

interface Entry {
  readonly address: Address;
  readonly text: string;
}

/** The members of one group in order of their numbers. Versions of a group share what did not change, and so does the work. */
export class SortedMembers {
  #members: BucketMap<true> | undefined;
  #entries: readonly Entry[] = [];
  #texts: readonly string[] = [];

  /** Canonical texts; the same array while the members are the same. */
  of(members: BucketMap<true>): readonly string[] {
    if (members === this.#members) return this.#texts;
    const difference = this.#members?.difference(members);
    const changes = difference === undefined ? Infinity : difference.added.length + difference.removed.length;
    if (changes === 0) {
      this.#members = members;
      return this.#texts;
    }
    this.#entries =
      difference === undefined || changes > MOST_MERGED
        ? [...members.keys()].map(entryOf).sort(byAddress)
        : merged(
            this.#entries,
            new Set(difference.removed.map(([text]) => text)),
            difference.added.map(([text]) => entryOf(text)).sort(byAddress),
          );
    this.#members = members;
    this.#texts = this.#entries.map(({ text }) => text);
    return this.#texts;
  }
}

function merged(before: readonly Entry[], gone: ReadonlySet<string>, come: readonly Entry[]): readonly Entry[] {
  const after: Entry[] = [];
  let next = 0;
  for (const entry of before) {
    if (gone.has(entry.text)) continue;
    for (let one = come[next]; one !== undefined && byAddress(one, entry) < 0; one = come[next]) {
      after.push(one);
      next += 1;
    }
    after.push(entry);
  }
  for (const one of come.slice(next)) after.push(one);
  return after;
}

function entryOf(text: string): Entry {
  const address = parseAddress(text);
  if (address === undefined) throw new SallyportError('INTERNAL', `"${text}" is no address of a group`);
  return { address, text };
}

const byAddress = (a: Entry, b: Entry): number => compareAddresses(a.address, b.address);
