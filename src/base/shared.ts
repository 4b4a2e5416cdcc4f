const MOST = 10_000;

/**
 * Immutable values by what they are made from, so that equal ones can be one object. It forgets all of them when it is full: then equal ones
 * may be several objects, and nothing but memory depends on that.
 */
export class Shared<V> {
  readonly #values = new Map<string, V>();

  get(key: string, make: (key: string) => V): V {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const value = make(key);
    if (this.#values.size >= MOST) this.#values.clear();
    this.#values.set(key, value);
    return value;
  }
}

/** To share texts. */
export function itself(text: string): string {
  return text;
}
