/** Texts as small integers from 1, counted by use; the number of a text that nobody uses any more is given to another. */
export class Interner {
  readonly #numbers = new Map<string, number>();
  readonly #texts: (string | undefined)[] = [undefined];
  readonly #uses: number[] = [0];
  readonly #free: number[] = [];

  /** One more than the largest number that was ever given out. */
  get end(): number {
    return this.#texts.length;
  }

  /** The number of a text in use, or 0. */
  find(text: string): number {
    return this.#numbers.get(text) ?? 0;
  }

  /** The text of a number in use. */
  text(number: number): string | undefined {
    return this.#texts[number];
  }

  /** The number of a text, used once more. */
  acquire(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) {
      this.#uses[known] = (this.#uses[known] ?? 0) + 1;
      return known;
    }
    const number = this.#free.pop() ?? this.#texts.length;
    this.#numbers.set(text, number);
    this.#texts[number] = text;
    this.#uses[number] = 1;
    return number;
  }

  /** Used once less; true when that was the last use. */
  release(number: number): boolean {
    const uses = (this.#uses[number] ?? 0) - 1;
    this.#uses[number] = uses;
    const text = this.#texts[number];
    if (uses > 0 || text === undefined) return false;
    this.#numbers.delete(text);
    this.#texts[number] = undefined;
    this.#free.push(number);
    return true;
  }
}
