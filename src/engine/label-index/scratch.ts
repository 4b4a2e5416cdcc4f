import { grown } from './lists.ts';

/**
 * A list of integers to work in, again and again. Emptying it gives nothing back: an array that is emptied lets its room go, and to make that
 * anew for each of a hundred thousand endpoints was a tenth of what loading them left to the collector.
 */
export class Scratch {
  /** The first `length` are in the list. */
  items = new Int32Array(64);
  length = 0;

  push(item: number): void {
    if (this.length === this.items.length) this.items = grown(this.items, this.length);
    this.items[this.length++] = item;
  }

  clear(): void {
    this.length = 0;
  }
}
