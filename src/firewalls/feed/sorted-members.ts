import type { BucketMap } from '../../base/bucket-map.ts';
import { SallyportError } from '../../base/error.ts';
import { type Address, compareAddresses, parseAddress } from '../../ip/address.ts';

/** So many changes are put in their places one by one; more are sorted anew. */
const MOST_PLACED = 200;

/** The members of one group in order of their numbers. Versions of a group share what did not change, and so does the work. */
export class SortedMembers {
  #members: BucketMap<true> | undefined;
  #texts: readonly string[] = [];

  /** Canonical texts; the same array while the members are the same. */
  of(members: BucketMap<true>): readonly string[] {
    if (members === this.#members) return this.#texts;
    const difference = this.#members?.difference(members);
    const changes = difference === undefined ? Infinity : difference.added.length + difference.removed.length;
    if (difference === undefined || changes > MOST_PLACED) this.#texts = sorted(members.keys());
    else if (changes > 0) {
      const texts = this.#texts.slice();
      for (const [text] of difference.removed) texts.splice(placeOf(text, texts), 1);
      for (const [text] of difference.added) texts.splice(placeOf(text, texts), 0, text);
      this.#texts = texts;
    }
    this.#members = members;
    return this.#texts;
  }
}

function sorted(texts: Iterable<string>): readonly string[] {
  return Array.from(texts, (text) => ({ text, address: addressOf(text) }))
    .sort((a, b) => compareAddresses(a.address, b.address))
    .map(({ text }) => text);
}

/** Where a text stands, or would stand. */
function placeOf(text: string, texts: readonly string[]): number {
  const address = addressOf(text);
  let low = 0;
  let high = texts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAddresses(addressOf(texts[middle] ?? ''), address) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new SallyportError('INTERNAL', `"${text}" is no address of a group`);
  return address;
}
