import { type Address, type Family, formatAddress } from '../ip/address.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';

/** Up to this many addresses every one takes part in each choice; beyond, the choice is by position. */
const LIMIT = 1024;

/**
 * Chooses one address of a set for each key, the same one in every process. By highest score, so that one more address moves 1/n of the
 * keys and a restart none. Sets of more than 1,024 addresses of a family choose by position instead: spread as evenly, but a change of
 * the set moves most keys.
 */
export class Rendezvous {
  readonly #set: PrefixSet;
  readonly #size: bigint;
  readonly #candidates: readonly { readonly text: string; readonly hash: number }[];

  constructor(set: PrefixSet, family: Family) {
    this.#set = set.family(family);
    this.#size = this.#set.size;
    this.#candidates =
      this.#size > BigInt(LIMIT)
        ? []
        : Array.from({ length: Number(this.#size) }, (_, index) => {
            const text = formatAddress(this.#nth(BigInt(index)));
            return { text, hash: hashOf(text) };
          });
  }

  get isEmpty(): boolean {
    return this.#size === 0n;
  }

  /** Canonical text of the address for a key. The set must not be empty. */
  choose(key: string): string {
    const hash = hashOf(key);
    let best: string | undefined;
    let bestScore = -1;
    for (const candidate of this.#candidates) {
      const score = mix(hash, candidate.hash);
      if (score < bestScore || (score === bestScore && best !== undefined && candidate.text < best)) continue;
      best = candidate.text;
      bestScore = score;
    }
    return best ?? formatAddress(this.#nth(BigInt(hash) % this.#size));
  }

  #nth(index: bigint): Address {
    const address = this.#set.nth(index);
    if (address === undefined) throw new RangeError(`no address ${index}`);
    return address;
  }
}

/** FNV-1a over UTF-16 units, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** MurmurHash3's finalizer over both hashes: every bit of either moves half of the result's bits. */
function mix(a: number, b: number): number {
  let h = a ^ Math.imul(b, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
