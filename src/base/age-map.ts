interface Entry<K, V> {
  readonly key: K;
  value: V;
  older: Entry<K, V> | undefined;
  younger: Entry<K, V> | undefined;
}

/**
 * A map whose entries stand in the order in which they were set last. The oldest is found at once: to find the first of a `Map` is to go past
 * the places of those that were before it, up to as many as there are entries.
 */
export class AgeMap<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>();
  #oldest: Entry<K, V> | undefined;
  #youngest: Entry<K, V> | undefined;

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** It is the youngest from now on. */
  set(key: K, value: V): void {
    let entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, (entry = { key, value, older: undefined, younger: undefined }));
    else this.#unlink(entry);
    entry.value = value;
    entry.older = this.#youngest;
    entry.younger = undefined;
    if (this.#youngest === undefined) this.#oldest = entry;
    else this.#youngest.younger = entry;
    this.#youngest = entry;
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#unlink(entry);
    return this.#entries.delete(key);
  }

  /** Removes the oldest and gives it; `undefined`: there is none. */
  takeOldest(): readonly [K, V] | undefined {
    const entry = this.#oldest;
    if (entry === undefined) return undefined;
    this.delete(entry.key);
    return [entry.key, entry.value];
  }

  /** Oldest first. The entry that was given last may be removed meanwhile, and no other. */
  *[Symbol.iterator](): Generator<readonly [K, V]> {
    for (let entry = this.#oldest; entry !== undefined; entry = entry.younger) yield [entry.key, entry.value];
  }

  #unlink({ older, younger }: Entry<K, V>): void {
    if (older === undefined) this.#oldest = younger;
    else older.younger = younger;
    if (younger === undefined) this.#youngest = older;
    else younger.older = older;
  }
}
