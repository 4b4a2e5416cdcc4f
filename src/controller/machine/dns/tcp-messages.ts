import { Buffer } from 'node:buffer';

/** A message with its length before it, as it goes over TCP. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** Cuts a stream into messages. Keeps less than one of the longest, and copies it once, in however many pieces it comes. */
export class MessageReader {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Octets until something is whole: first the length, then the message too. */
  #needed = 2;

  /** The messages that are whole now. */
  take(chunk: Buffer): readonly Buffer[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const messages: Buffer[] = [];
    while (this.#size >= this.#needed) {
      const whole = this.#chunks.length === 1 ? (this.#chunks[0] ?? chunk) : Buffer.concat(this.#chunks);
      const end = 2 + whole.readUInt16BE(0);
      const isWhole = whole.length >= end;
      if (isWhole) messages.push(whole.subarray(2, end));
      const rest = isWhole ? whole.subarray(end) : whole;
      this.#chunks = [rest];
      this.#size = rest.length;
      this.#needed = isWhole ? 2 : end;
    }
    return messages;
  }
}
