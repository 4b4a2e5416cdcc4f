import { Undecodable } from './undecodable.ts';
import { ShortTexts } from './short-texts.ts';

/** How the value of a field is written. Groups (3 and 4) are in no object of Kubernetes. */
export const VARINT = 0;
const FIXED64 = 1;
export const BYTES = 2;
const FIXED32 = 5;

const SHARED = new ShortTexts();

/**
 * Reads protobuf's wire format from a place on, without copying. Every method throws `Undecodable` rather than read beyond the end.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class Wire {
  readonly bytes: Buffer;
  position = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** The next tag: the field's number times eight, plus how its value is written. */
  tag(end: number): number {
    const tag = this.varint(end);
    if (tag < 8) throw new Undecodable('a field has the number 0');
    return tag;
  }

  /**
   * Goes on to the next field whose number is among `wanted` (a bit for each below 32), passing over all others; gives its tag, or 0 when
   * the message ends before.
   */
  next(end: number, wanted: number): number {
    const { bytes } = this;
    let at = this.position;
    while (at < end) {
      let tag = bytes[at] as number;
      if (tag < 0x80) at += 1;
      else {
        this.position = at;
        tag = this.varint(end);
        at = this.position;
      }
      const number = tag >>> 3;
      if (number === 0) throw new Undecodable('a field has the number 0');
      if (number < 32 && ((wanted >>> number) & 1) === 1) {
        this.position = at;
        return tag;
      }
      // Most of what is passed over is a text or a message, and short.
      const length = bytes[at] as number;
      if ((tag & 7) === BYTES && length < 0x80 && length < end - at) at += 1 + length;
      else {
        this.position = at;
        this.skip(tag, end);
        at = this.position;
      }
    }
    this.position = at;
    return 0;
  }

  /** Numbers beyond 2^53 lose digits; no field that is read has such. */
  varint(end: number): number {
    const { bytes } = this;
    const first = bytes[this.position] ?? 0x80;
    if (first < 0x80 && this.position < end) {
      this.position += 1;
      return first;
    }
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count++) {
      if (this.position >= end) throw new Undecodable('a number is cut off');
      const byte = bytes[this.position++] ?? 0;
      if (byte < 0x80) return value + byte * factor;
      value += (byte - 0x80) * factor;
      factor *= 0x80;
    }
    throw new Undecodable('a number is longer than ten bytes');
  }

  /** The end of the message or text that begins here. */
  inner(end: number): number {
    const length = this.varint(end);
    if (length > end - this.position) throw new Undecodable('a field is cut off');
    return this.position + length;
  }

  text(end: number): string {
    const stop = this.inner(end);
    const text = this.bytes.toString('utf8', this.position, stop);
    this.position = stop;
    return text;
  }

  /** A text that comes again and again. */
  sharedText(end: number): string {
    const stop = this.inner(end);
    const text = SHARED.get(this.bytes, this.position, stop);
    this.position = stop;
    return text;
  }

  /** Passes over the value of a field that is not read. */
  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint(end);
        return;
      case FIXED64:
        this.position += 8;
        break;
      case BYTES:
        this.position = this.inner(end);
        return;
      case FIXED32:
        this.position += 4;
        break;
      default:
        throw new Undecodable('a field is of no known type');
    }
    if (this.position > end) throw new Undecodable('a field is cut off');
  }
}
