import { Undecodable } from './undecodable.ts';

/** Cuts a body into records, whatever the chunks are that it comes in. */
export interface Records {
  /** The records that are whole with this chunk. The bytes are the reader's only until the next call. */
  push(chunk: Uint8Array): Iterable<Buffer>;
  /** Bytes of a record that is not whole yet. */
  readonly pending: number;
}

/** No object is larger: etcd takes 1.5 MiB, and a JSON event is a few times as large at most. In bytes. */
const LONGEST = 32 * 1024 * 1024;
const LINE_END = 0x0a;

/** Bytes kept until a record is whole. */
class Rest {
  size = 0;
  #parts: Uint8Array[] = [];

  keep(part: Uint8Array): void {
    if (part.length === 0) return;
    this.size += part.length;
    if (this.size > LONGEST) throw new Undecodable(`an event is longer than ${LONGEST} bytes`);
    this.#parts.push(part);
  }

  /** All that was kept, with what comes after it. */
  take(last: Buffer): Buffer {
    if (this.#parts.length === 0) return last;
    const whole = Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.size = 0;
    return whole;
  }
}

/** Lines, without their ends; empty ones are left out. Cut at the byte, so that no character is broken. */
export class Lines implements Records {
  readonly #rest = new Rest();

  get pending(): number {
    return this.#rest.size;
  }

  *push(chunk: Uint8Array): Generator<Buffer> {
    const bytes = asBuffer(chunk);
    let start = 0;
    for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, start)) {
      const line = this.#rest.take(bytes.subarray(start, end));
      start = end + 1;
      if (line.length > LONGEST) throw new Undecodable(`an event is longer than ${LONGEST} bytes`);
      if (line.length > 0) yield line;
    }
    this.#rest.keep(bytes.subarray(start));
  }
}

const LENGTH_BYTES = 4;

/** Frames, each after its length in four bytes, the highest first: how watches send protobuf. */
export class Frames implements Records {
  readonly #rest = new Rest();
  /** Of the frame under way with its length; `undefined` until the length is there. */
  #wanted: number | undefined;

  get pending(): number {
    return this.#rest.size;
  }

  *push(chunk: Uint8Array): Generator<Buffer> {
    let bytes = asBuffer(chunk);
    for (;;) {
      const wanted = this.#wanted ?? LENGTH_BYTES;
      if (this.#rest.size + bytes.length < wanted) break;
      const needed = wanted - this.#rest.size;
      const whole = this.#rest.take(bytes.subarray(0, needed));
      bytes = bytes.subarray(needed);
      if (this.#wanted === undefined) {
        const length = whole.readUInt32BE(0);
        if (length > LONGEST) throw new Undecodable(`an event is longer than ${LONGEST} bytes`);
        this.#wanted = length;
      } else {
        this.#wanted = undefined;
        yield whole;
      }
    }
    this.#rest.keep(bytes);
  }
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
