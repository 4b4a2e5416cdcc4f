/** The first size, in bytes: a page of pods as JSON. */
const FIRST = 4 * 1024 * 1024;

/** A body out of its chunks. The memory serves the next body again: what it took would else wait for the garbage collector, page by page. */
export class Gathered {
  size = 0;
  #memory: Buffer | undefined;

  /** The bytes, as long as nothing is added or cleared. */
  get bytes(): Buffer {
    return (this.#memory ?? Buffer.alloc(0)).subarray(0, this.size);
  }

  add(chunk: Uint8Array): void {
    const needed = this.size + chunk.length;
    if (this.#memory === undefined || needed > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST, 2 ** Math.ceil(Math.log2(needed))));
      larger.set(this.bytes);
      this.#memory = larger;
    }
    this.#memory.set(chunk, this.size);
    this.size = needed;
  }

  clear(): void {
    this.size = 0;
  }
}
