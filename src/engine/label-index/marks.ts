import { grown } from './lists.ts';

const LAST_STAMP = 2 ** 31 - 1;

/** A set of small integers that is emptied in no time, for the loops that compare one list with another. */
export class Marks {
  /** An integer is in the set while its stamp is the present one. */
  #stamps = new Int32Array(64);
  #stamp = 1;

  clear(): void {
    if (this.#stamp === LAST_STAMP) {
      this.#stamps.fill(0);
      this.#stamp = 0;
    }
    this.#stamp++;
  }

  has(number: number): boolean {
    return number < this.#stamps.length && this.#stamps[number] === this.#stamp;
  }

  /** False if it was there. */
  add(number: number): boolean {
    if (number >= this.#stamps.length) this.#stamps = grown(this.#stamps, number);
    if (this.#stamps[number] === this.#stamp) return false;
    this.#stamps[number] = this.#stamp;
    return true;
  }

  /** False if it was not there. */
  delete(number: number): boolean {
    if (!this.has(number)) return false;
    this.#stamps[number] = 0;
    return true;
  }
}
