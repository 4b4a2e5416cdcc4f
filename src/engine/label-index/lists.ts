/** Bits of a list's tag that say how large its block is; the rest is its length. */
const CLASS_BITS = 5;
const CLASS_MASK = 31;
const ONE_MORE = 1 << CLASS_BITS;

/** What readers need of lists. In loops: `for (let at = lists.startOf(list), end = at + lists.lengthOf(list); at < end; at++) items[at]`. */
export interface ReadonlyIntegerLists {
  /** The items of all lists, good until one of them grows. */
  readonly items: Int32Array;
  startOf(list: number): number;
  lengthOf(list: number): number;
  /** A copy of a list, which may change meanwhile. */
  copy(list: number): Int32Array;
}

/**
 * Lists of integers, known by small integers of their own, in one typed array: with a million endpoints there are millions of lists of a
 * few items each, and objects of their own would take most of the memory and a cache miss each. Any list is there, and empty at first.
 * A list lies in a block of 1, 2, 4, … items and moves when it outgrows it; a block that is left is given to
 * other lists, in parts if they are small.
 */
export class IntegerLists implements ReadonlyIntegerLists {
  /** Of each list where its block begins, 0 for none, and its tag. */
  #heads = new Int32Array(128);
  #items = new Int32Array(64);
  #end = 1;
  /** The first free block of each class; its first item is the next one. */
  readonly #free = new Int32Array(CLASS_MASK + 1);
  /** A bit for each class that has one. */
  #freeClasses = 0;

  get items(): Int32Array {
    return this.#items;
  }

  startOf(list: number): number {
    return 2 * list + 1 < this.#heads.length ? (this.#heads[2 * list] as number) : 0;
  }

  lengthOf(list: number): number {
    return 2 * list + 1 < this.#heads.length ? (this.#heads[2 * list + 1] as number) >>> CLASS_BITS : 0;
  }

  push(list: number, item: number): void {
    const head = 2 * list;
    if (head + 1 >= this.#heads.length) this.#heads = grown(this.#heads, head + 1);
    const heads = this.#heads;
    const tag = heads[head + 1] as number;
    const length = tag >>> CLASS_BITS;
    if (heads[head] === 0) heads[head] = this.#take(0);
    else if (length === 1 << (tag & CLASS_MASK)) this.#enlarge(head);
    this.#items[(heads[head] as number) + length] = item;
    heads[head + 1] = (heads[head + 1] as number) + ONE_MORE;
  }

  /** Gives a list the first `length` of these items, in a block of the right size at once. */
  fill(list: number, items: Int32Array, length: number): void {
    this.clear(list);
    if (length === 0) return;
    const head = 2 * list;
    if (head + 1 >= this.#heads.length) this.#heads = grown(this.#heads, head + 1);
    // Rounded up to a power of two.
    const blockClass = CLASS_MASK + 1 - Math.clz32(length - 1);
    const block = this.#take(blockClass);
    for (let n = 0; n < length; n++) this.#items[block + n] = items[n] as number;
    this.#heads[head] = block;
    this.#heads[head + 1] = length * ONE_MORE + blockClass;
  }

  /** Takes out the item at an index below the length; the last one takes its place. */
  removeAt(list: number, index: number): void {
    const last = this.lengthOf(list) - 1;
    const start = this.startOf(list);
    this.#items[start + index] = this.#items[start + last] as number;
    this.#heads[2 * list + 1] = (this.#heads[2 * list + 1] as number) - ONE_MORE;
  }

  /** The index of an item, or -1. */
  indexOf(list: number, item: number): number {
    const items = this.#items;
    const start = this.startOf(list);
    for (let at = start, end = start + this.lengthOf(list); at < end; at++) if (items[at] === item) return at - start;
    return -1;
  }

  /** Takes out, in order, the items that are not to stay. `stays` must not change any list. */
  retain(list: number, stays: (item: number) => boolean): void {
    const items = this.#items;
    const start = this.startOf(list);
    const length = this.lengthOf(list);
    let kept = 0;
    for (let n = 0; n < length; n++) {
      const item = items[start + n] as number;
      if (stays(item)) items[start + kept++] = item;
    }
    if (kept < length) this.#heads[2 * list + 1] = (this.#heads[2 * list + 1] as number) - (length - kept) * ONE_MORE;
  }

  /** Empties a list and gives back its block. */
  clear(list: number): void {
    const head = 2 * list;
    if (head + 1 >= this.#heads.length || this.#heads[head] === 0) return;
    this.#give(this.#heads[head] as number, (this.#heads[head + 1] as number) & CLASS_MASK);
    this.#heads[head] = 0;
    this.#heads[head + 1] = 0;
  }

  /** A copy of a list, which may change meanwhile. */
  copy(list: number): Int32Array {
    const start = this.startOf(list);
    return this.#items.slice(start, start + this.lengthOf(list));
  }

  #enlarge(head: number): void {
    const old = this.#heads[head] as number;
    const tag = this.#heads[head + 1] as number;
    const blockClass = tag & CLASS_MASK;
    const block = this.#take(blockClass + 1);
    this.#items.copyWithin(block, old, old + (tag >>> CLASS_BITS));
    this.#give(old, blockClass);
    this.#heads[head] = block;
    this.#heads[head + 1] = tag + 1;
  }

  /** A block of a class: a free one, the first part of the smallest free one that is larger, or a new one. */
  #take(blockClass: number): number {
    const fitting = (this.#freeClasses >>> blockClass) << blockClass;
    if (fitting !== 0) {
      let found = CLASS_MASK - Math.clz32(fitting & -fitting);
      const block = this.#free[found] as number;
      this.#free[found] = this.#items[block] as number;
      if (this.#free[found] === 0) this.#freeClasses &= ~(1 << found);
      while (found-- > blockClass) this.#give(block + (1 << found), found);
      return block;
    }
    const end = this.#end;
    this.#end = end + (1 << blockClass);
    if (this.#end > this.#items.length) this.#items = grown(this.#items, this.#end);
    return end;
  }

  #give(block: number, blockClass: number): void {
    this.#items[block] = this.#free[blockClass] as number;
    this.#free[blockClass] = block;
    this.#freeClasses |= 1 << blockClass;
  }
}

/** An array of this many items grows by a quarter, so that no more than a fifth of it is empty; a smaller one doubles. */
const LARGE = 16_384;

/** A copy with room for `index`, larger by a share, so that growing costs a constant share of what is stored. */
export function grown(array: Int32Array<ArrayBuffer>, index: number): Int32Array<ArrayBuffer> {
  const { length } = array;
  const larger = new Int32Array(Math.max(index + 1, length < LARGE ? 2 * length : Math.ceil(1.25 * length)));
  larger.set(array);
  return larger;
}
