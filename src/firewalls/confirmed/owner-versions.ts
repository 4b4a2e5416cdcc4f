import { createHash } from 'node:crypto';
import { type Pieces, each } from '../../base/pieces.ts';
import { holdersIn } from './handover.ts';
import type { Owners } from '../guard/interim.ts';

/** So many are remembered: some megabytes. */
const MOST_DIGESTED = 16_384;
const digested = new Map<string, string>();
/** Steps that are kept: some seconds of a busy cluster, and some megabytes of versions where nobody asks for their lines. */
const MOST_STEPS = 1_024;
/** Characters of all their lines together. */
const MOST_CHARACTERS = 1_048_576;

/** A name for somebody that says of an equal one that it is equal, and no more: so long that nobody finds another name with it. */
export function ownerDigest(holder: string): string {
  return createHash('sha256').update(holder).digest('hex').slice(0, 32);
}

/** Digests of those who have an address, as a record holds them: the records of all firewalls tell of the same ones. */
export function holdersText(known: string | undefined): string {
  if (known === undefined) return '[]';
  const found = digested.get(known);
  if (found !== undefined) return found;
  const text = JSON.stringify(holdersIn(known).map(ownerDigest));
  if (digested.size >= MOST_DIGESTED) digested.clear();
  digested.set(known, text);
  return text;
}

/** A record's line of an address of which no more than the owner changed. */
export function ownerLine(address: string, after: Owners): string {
  return `[${JSON.stringify(address)},${holdersText(after.get(address))}]\n`;
}

/** From one version to the next; its lines, once somebody asked for them. */
type Step = { readonly before: Owners; readonly after: Owners } | string;

/**
 * Who had which address, version after version, and what records say of each step. Most firewalls of a process are confirmed at some of these
 * versions, each at others, so what is between any two of them is made once, and put together. A version that is not among them, such as that
 * of a firewall where somebody stays the owner for longer, has nothing to do with them: nothing is known of what is between it and any other.
 */
export class OwnerVersions {
  readonly #numbers = new WeakMap<Owners, number>();
  /** By number of the version that they lead to. */
  readonly #steps = new Map<number, Step>();
  #newest: Owners | undefined;
  #number = 0;
  #oldest = 1;
  #characters = 0;

  /** What comes next. `after`: only if that is the version before. */
  add(owners: Owners, after = this.#newest): void {
    if (owners === this.#newest || after !== this.#newest) return;
    this.#number += 1;
    if (after === undefined) this.#oldest += 1;
    else this.#steps.set(this.#number, { before: after, after: owners });
    this.#newest = owners;
    this.#numbers.set(owners, this.#number);
    this.#forget();
  }

  /**
   * Lines that lead from what one version says to what another one says, the last one of an address being right; `undefined`: the second does not
   * follow the first here, or that is forgotten.
   */
  *between(before: Owners, after: Owners): Pieces<readonly string[] | undefined> {
    const from = this.#numbers.get(before);
    const to = this.#numbers.get(after);
    if (from === undefined || to === undefined || from > to) return undefined;
    const found: string[] = [];
    for (let number = from + 1; number <= to; number++) {
      const lines = yield* this.#linesOf(number);
      if (lines === undefined) return undefined;
      found.push(lines);
    }
    return found;
  }

  *#linesOf(number: number): Pieces<string | undefined> {
    const step = this.#steps.get(number);
    if (step === undefined || typeof step === 'string') return step;
    const { before, after } = step;
    const { added, removed, changed } = yield* before.differing(after);
    let lines = '';
    for (const list of [added, removed, changed])
      yield* each<readonly [string, ...unknown[]]>(list, ([address]) => (lines += ownerLine(address, after)));
    // Between two pieces somebody else may have come to it, or it was forgotten.
    if (this.#steps.get(number) !== step) return lines;
    this.#steps.set(number, lines);
    this.#characters += lines.length;
    this.#forget();
    return lines;
  }

  #forget(): void {
    for (; this.#steps.size > MOST_STEPS || this.#characters > MOST_CHARACTERS; this.#oldest++) {
      const step = this.#steps.get(this.#oldest);
      if (typeof step === 'string') this.#characters -= step.length;
      this.#steps.delete(this.#oldest);
    }
  }
}
