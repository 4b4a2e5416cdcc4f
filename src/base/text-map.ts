import { Shared } from './shared.ts';

/** A map of texts that keeps them in its own way; whoever extends it says how one is found and what all of them are. */
export abstract class TextMap implements ReadonlyMap<string, string> {
  abstract get size(): number;

  abstract get(key: string): string | undefined;

  abstract entries(): Generator<[string, string], undefined>;

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *keys(): Generator<string, undefined> {
    for (const [key] of this.entries()) yield key;
    return undefined;
  }

  *values(): Generator<string, undefined> {
    for (const [, value] of this.entries()) yield value;
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, string], undefined> {
    return this.entries();
  }

  forEach(callback: (value: string, key: string, map: ReadonlyMap<string, string>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this);
  }
}

/** No pair at all; a map that everybody can share. */
export const NO_TEXTS: ReadonlyMap<string, string> = new Map();

/** So many pairs are found as fast in a list as in a `Map`. */
const FEW = 32;
/** By themselves as JSON, so that no two lists have one key. */
const NAMES = new Shared<readonly string[]>();

/**
 * The same pairs, in the same order, in half of the memory if they are few. For the labels of pods, of which there can be a million: a
 * `Map` of five would be a quarter of a pod.
 */
export function compactTexts(texts: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (texts.size === 0) return NO_TEXTS;
  if (texts.size > FEW) return texts;
  const names = [...texts.keys()];
  return new FewTexts(
    NAMES.get(JSON.stringify(names), () => names),
    [...texts.values()],
  );
}

/** Values beside a list of their names, which objects of one kind have in common. */
class FewTexts extends TextMap {
  readonly #names: readonly string[];
  readonly #values: readonly string[];

  constructor(names: readonly string[], values: readonly string[]) {
    super();
    this.#names = names;
    this.#values = values;
  }

  get size(): number {
    return this.#names.length;
  }

  get(key: string): string | undefined {
    return this.#values[this.#names.indexOf(key)];
  }

  override forEach(callback: (value: string, key: string, map: ReadonlyMap<string, string>) => void): void {
    for (let n = 0; n < this.#names.length; n++) callback(this.#values[n] as string, this.#names[n] as string, this);
  }

  *entries(): Generator<[string, string], undefined> {
    for (let n = 0; n < this.#names.length; n++) yield [this.#names[n] as string, this.#values[n] as string];
    return undefined;
  }
}
