/** Texts by key, each once a key. Most keys have one, which costs no set of its own. */
export class MultiMap<K> {
  readonly #map = new Map<K, string | Set<string>>();

  /** How many values a key has. */
  count(key: K): number {
    const values = this.#map.get(key);
    if (values === undefined) return 0;
    return typeof values === 'string' ? 1 : values.size;
  }

  has(key: K, value: string): boolean {
    const values = this.#map.get(key);
    return typeof values === 'string' ? values === value : values?.has(value) === true;
  }

  /** The values of a key, in no promised order. */
  get(key: K): Iterable<string> {
    const values = this.#map.get(key);
    if (values === undefined) return [];
    return typeof values === 'string' ? [values] : values;
  }

  add(key: K, value: string): void {
    const values = this.#map.get(key);
    if (values === undefined) this.#map.set(key, value);
    else if (typeof values !== 'string') values.add(value);
    else if (values !== value) this.#map.set(key, new Set([values, value]));
  }

  delete(key: K, value: string): void {
    const values = this.#map.get(key);
    if (values === value) this.#map.delete(key);
    else if (typeof values !== 'string' && values?.delete(value) === true && values.size === 0) this.#map.delete(key);
  }
}
