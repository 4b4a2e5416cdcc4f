import { Undecodable } from './encoding.ts';
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
