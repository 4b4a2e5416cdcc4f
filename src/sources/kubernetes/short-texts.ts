/** Longer texts are seldom alike. */
const LONGEST = 64;
/** A power of two; each has room for two texts. */
const SLOTS = 8192;

/**
 * Texts by their bytes: one that was read before is found again without being made, and kept once. A third text with the same hash takes the
 * place of the older one, so it never grows, whoever chooses the texts.
 */
export class ShortTexts {
  readonly #texts: (string | undefined)[] = Array.from({ length: 2 * SLOTS });

  /** The text of these bytes, as UTF-8. */
  get(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return '';
    if (length > LONGEST) return bytes.toString('utf8', start, end);
    let hash = length;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    const slot = 2 * ((hash ^ (hash >>> 15)) & (SLOTS - 1));
    const first = this.#texts[slot];
    if (first !== undefined && first.length === length && isWritten(first, bytes, start)) return first;
    const second = this.#texts[slot + 1];
    if (second !== undefined && second.length === length && isWritten(second, bytes, start)) return second;
    const text = bytes.toString('utf8', start, end);
    this.#texts[slot + 1] = first;
    this.#texts[slot] = text;
    return text;
  }
}

/** Whether a text is these bytes, all of them ASCII: characters beyond are no bytes of their own, so such a text is never taken for another. */
function isWritten(text: string, bytes: Buffer, start: number): boolean {
  for (let at = 0; at < text.length; at++) {
    const byte = bytes[start + at] as number;
    if (byte !== text.charCodeAt(at) || byte >= 0x80) return false;
  }
  return true;
}
