import { grown } from './lists.ts';

/** The term under which selectors are filed that say nothing about any one label. */
export const EVERYTHING = 1;

/** A label name in use. */
interface Key {
  readonly name: string;
  /** The term "this label is present". */
  readonly presence: number;
  readonly values: Map<string, number>;
  /** Terms of it in use, the presence included. */
  uses: number;
  /** Conditions of selectors on it. */
  mentions: number;
}

/**
 * What can be said of one label, as small integers: that it has a certain value, or that it is present. Both kinds share one row of
 * numbers, so that selectors are filed, and endpoints counted, under either alike.
 */
export class Terms {
  readonly #keysByName = new Map<string, number>();
  readonly #keys: (Key | undefined)[] = [undefined];
  readonly #freeKeys: number[] = [];
  /** Of each term: its key; its value, unless it is a presence; how often it is used. */
  #keyOf = new Int32Array(64);
  readonly #values: (string | undefined)[] = [undefined, undefined];
  readonly #uses: number[] = [0, 1];
  readonly #freeTerms: number[] = [];

  /** One more than the largest term, and key, that was ever given out. */
  get end(): number {
    return this.#uses.length;
  }

  get endOfKeys(): number {
    return this.#keys.length;
  }

  keyOf(term: number): number {
    return this.#keyOf[term] as number;
  }

  /** The value that a term demands; empty for a presence. */
  valueOf(term: number): string {
    return this.#values[term] ?? '';
  }

  presenceOf(key: number): number {
    return this.#keys[key]?.presence ?? 0;
  }

  isMentioned(key: number): boolean {
    return (this.#keys[key]?.mentions ?? 0) > 0;
  }

  /** `change` more conditions of selectors on a label. */
  mention(key: number, change: 1 | -1): void {
    const entry = this.#keys[key];
    if (entry !== undefined) entry.mentions += change;
  }

  /** The terms that stand for a term among labels: itself, or for a presence all values of its label. */
  *valuesOf(term: number): Generator<number> {
    const key = this.#keys[this.keyOf(term)];
    if (key?.presence === term) yield* key.values.values();
    else yield term;
  }

  /** The term of a label with a value, used once more. */
  acquire(name: string, value: string): number {
    const number = this.#keysByName.get(name) ?? this.#newKey(name);
    const key = this.#keys[number] as Key;
    const known = key.values.get(value);
    if (known !== undefined) {
      this.#uses[known] = (this.#uses[known] as number) + 1;
      return known;
    }
    const term = this.#newTerm(number, value);
    key.values.set(value, term);
    key.uses++;
    return term;
  }

  /** The term that a label is present, used once more. */
  acquirePresence(name: string): number {
    const key = this.#keys[this.#keysByName.get(name) ?? this.#newKey(name)] as Key;
    if (this.#uses[key.presence] === 0) key.uses++;
    this.#uses[key.presence] = (this.#uses[key.presence] as number) + 1;
    return key.presence;
  }

  /** Used once less. The last use of a label's last term gives the label back as well. */
  release(term: number): void {
    const uses = (this.#uses[term] as number) - 1;
    this.#uses[term] = uses;
    if (uses > 0) return;
    const number = this.keyOf(term);
    const key = this.#keys[number] as Key;
    if (term !== key.presence) {
      key.values.delete(this.#values[term] as string);
      this.#values[term] = undefined;
      this.#freeTerms.push(term);
    }
    key.uses--;
    if (key.uses > 0) return;
    this.#keysByName.delete(key.name);
    this.#keys[number] = undefined;
    this.#freeTerms.push(key.presence);
    this.#freeKeys.push(number);
  }

  #newKey(name: string): number {
    const number = this.#freeKeys.pop() ?? this.#keys.length;
    const presence = this.#newTerm(number, undefined);
    this.#uses[presence] = 0;
    this.#keys[number] = { name, presence, values: new Map(), uses: 0, mentions: 0 };
    this.#keysByName.set(name, number);
    return number;
  }

  #newTerm(key: number, value: string | undefined): number {
    const term = this.#freeTerms.pop() ?? this.#uses.length;
    if (term >= this.#keyOf.length) this.#keyOf = grown(this.#keyOf, term);
    this.#keyOf[term] = key;
    this.#values[term] = value;
    this.#uses[term] = 1;
    return term;
  }
}
