import { isAscii } from 'node:buffer';
import { JsonNames } from './json-names.ts';
import { endOfColon, endOfSpace, endOfText, endOfValue, firstStop } from './json-value.ts';
import { Undecodable } from './undecodable.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

/** What `next` gives at the end of an object. */
export const END = -1;
/** What `next` gives at a name in which something is escaped: it may be any. */
export const ESCAPED = -2;

/**
 * Goes through a JSON text as strictly as `JSON.parse`, and makes nothing of what is passed over. Every method throws `Undecodable` where that
 * would throw, and rather than read beyond the end.
 */
export class JsonScan {
  readonly bytes: Buffer;
  position = 0;
  textStart = 0;
  textEnd = 0;
  /** What was opened last has had no member or item yet. */
  #isFresh = false;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Whether the value that comes is an object. */
  get isObject(): boolean {
    return this.#peek() === OPEN;
  }

  /** Whether the value that comes is `null`, if it is one at all. */
  get isNull(): boolean {
    return this.#peek() === 0x6e;
  }

  /** Where the value that comes begins. */
  get start(): number {
    this.#peek();
    return this.position;
  }

  /** Begins an object: `next` gives its members. */
  openObject(): void {
    this.#open(OPEN, 'an object');
  }

  /** Begins a list: `nextItem` goes to its items. */
  openList(): void {
    this.#open(OPEN_LIST, 'a list');
  }

  /**
   * Goes on to the value of the next member whose name is among `names`, passing over the others, and gives its number; `ESCAPED` at one that
   * has to be looked at, and `END` behind the last. The value has to be read, or passed over, before the next call.
   */
  next(names: JsonNames): number {
    const { bytes } = this;
    while (this.#goesOn(CLOSE)) {
      if (this.#peek() !== QUOTE) throw new Undecodable('a member has no name');
      const start = this.position + 1;
      const stop = firstStop(bytes, start);
      if (bytes[stop] !== QUOTE) {
        this.position = endOfColon(bytes, endOfText(bytes, stop));
        return ESCAPED;
      }
      this.position = endOfColon(bytes, stop + 1);
      const number = names.find(bytes, start, stop);
      if (number >= 0) return number;
      this.skip();
    }
    return END;
  }

  /** Goes on to the next item of a list; false behind the last. It has to be read, or passed over, before the next call. */
  nextItem(): boolean {
    return this.#goesOn(CLOSE_LIST);
  }

  /** Passes over a value. */
  skip(): void {
    this.position = endOfValue(this.bytes, this.position);
  }

  /** Reads a text, which is not empty, and has nothing escaped: it stands from `textStart` to `textEnd` then. */
  plainText(): void {
    if (this.#peek() !== QUOTE) throw new Undecodable('a text is missing');
    const start = this.position + 1;
    const stop = firstStop(this.bytes, start);
    if (this.bytes[stop] !== QUOTE || stop === start) throw new Undecodable('a text is empty, escaped, or cut off');
    this.textStart = start;
    this.textEnd = stop;
    this.position = stop + 1;
  }

  /** `true` or `false`. */
  flag(): boolean {
    const isTrue = this.#peek() === 0x74;
    if (!isTrue && this.bytes[this.position] !== 0x66) throw new Undecodable('a value is neither true nor false');
    this.skip();
    return isTrue;
  }

  /** Nothing but space comes any more. */
  end(): void {
    if (this.start < this.bytes.length) throw new Undecodable('something stands after the end');
  }

  /** A value, read. */
  value(): unknown {
    const { start } = this;
    this.skip();
    return parseJson(this.bytes, start, this.position);
  }

  #open(bracket: number, what: string): void {
    if (this.#peek() !== bracket) throw new Undecodable(`${what} is missing`);
    this.position += 1;
    this.#isFresh = true;
  }

  /** Whether another member or item comes before the bracket that ends them. */
  #goesOn(bracket: number): boolean {
    const byte = this.#peek();
    const isFresh = this.#isFresh;
    this.#isFresh = false;
    if (byte === bracket) {
      this.position += 1;
      return false;
    }
    if (isFresh) return true;
    if (byte !== COMMA) throw new Undecodable('an object or list is cut off or spoiled');
    this.position += 1;
    return true;
  }

  #peek(): number | undefined {
    const { bytes } = this;
    const byte = bytes[this.position];
    if (byte !== undefined && byte > 0x20) return byte;
    this.position = endOfSpace(bytes, this.position);
    return bytes[this.position];
  }
}

const OBJECT = new JsonNames('metadata');
const METADATA = new JsonNames('managedFields');

/** An API object, read, without its managedFields: half of it, which nobody reads. */
export function readObject(scan: JsonScan): unknown {
  if (!scan.isObject) return scan.value();
  const { start } = scan;
  let cutStart = start;
  let cutEnd = start;
  scan.openObject();
  for (let name = scan.next(OBJECT); name !== END; name = scan.next(OBJECT)) {
    if (name === ESCAPED || !scan.isObject) {
      scan.skip();
      continue;
    }
    scan.openObject();
    for (let field = scan.next(METADATA); field !== END; field = scan.next(METADATA)) {
      const from = scan.start;
      scan.skip();
      if (field === ESCAPED) continue;
      cutStart = from;
      cutEnd = scan.position;
    }
  }
  return parseJson(
    scan.bytes,
    cutEnd,
    scan.position,
    cutEnd === start ? '' : `${textOf(scan.bytes, start, cutStart)}null`,
  );
}

/** What `JSON.parse` makes of these bytes, with a text before them. */
export function parseJson(bytes: Buffer, start: number, end: number, before = ''): unknown {
  try {
    return JSON.parse(before + textOf(bytes, start, end)) as unknown;
  } catch {
    throw new Undecodable('the answer is no JSON');
  }
}

function textOf(bytes: Buffer, start: number, end: number): string {
  // Making a text of what is known to be ASCII takes a fraction of the time.
  return bytes.toString(isAscii(bytes.subarray(start, end)) ? 'latin1' : 'utf8', start, end);
}
