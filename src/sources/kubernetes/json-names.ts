/** A few names of members, found by their bytes. */
export class JsonNames {
  /** By their length. */
  readonly #names: ({ readonly bytes: Uint8Array; readonly number: number }[] | undefined)[] = [];

  /** They are numbered as they are given, from 0. All are ASCII, with nothing to escape. */
  constructor(...names: readonly string[]) {
    for (const [number, name] of names.entries())
      (this.#names[name.length] ??= []).push({ bytes: Buffer.from(name), number });
  }

  /** The number of the name that stands there, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const candidates = this.#names[end - start];
    if (candidates === undefined) return -1;
    for (const { bytes: name, number } of candidates) {
      let at = 0;
      while (at < name.length && name[at] === bytes[start + at]) at += 1;
      if (at === name.length) return number;
    }
    return -1;
  }
}
