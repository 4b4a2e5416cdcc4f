/** Longer texts are seldom alike. */
const LONGEST = 64;
/** A power of two. */
const SLOTS = 8192;

/**
 * Texts by their bytes: one that was read before is found again without being made, and kept once. Each has one slot, which the next with the
 * same hash takes over, so it never grows, whoever chooses the texts.
 */
export class ShortTexts {
  readonly #texts: (string | undefined)[] = Array.from({ length: SLOTS });

  /** The text of these bytes, as UTF-8. */
  get(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return '';
    if (length > LONGEST) return bytes.toString('utf8', start, end);
    let hash = length;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#texts[slot];
    // Characters beyond ASCII are no bytes of their own, so a text with such is never taken for another.
    if (known !== undefined && known.length === length && isWritten(known, bytes, start)) return known;
    const text = bytes.toString('utf8', start, end);
    this.#texts[slot] = text;
    return text;
  }
}

/** Whether a text is these bytes, all of them ASCII. */
function isWritten(text: string, bytes: Buffer, start: number): boolean {
  for (let at = 0; at < text.length; at++) {
    const byte = bytes[start + at] as number;
    if (byte !== text.charCodeAt(at) || byte >= 0x80) return false;
  }
  return true;
}
