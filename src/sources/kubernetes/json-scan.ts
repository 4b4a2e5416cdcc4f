import { Undecodable } from './undecodable.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
/** `[` and `{`, `]` and `}` differ in this bit alone. */
const BRACE = 0x20;
const SPACE = 0x20;

/** Where a value stands, and what is cut out of it. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
  /** Of `metadata.managedFields`, half of an object, which nobody reads; both are `end` if there are none. */
  readonly cutStart: number;
  readonly cutEnd: number;
  /** All bytes that were looked at are ASCII. */
  readonly isAscii: boolean;
}

/**
 * Finds where the values of a JSON text begin and end, so that they can be parsed one by one. Of what it passes over it looks at strings and
 * brackets alone: whoever takes a piece parses it, and that finds the mistakes. Every method throws `Undecodable` rather than read beyond
 * the end.
 */
export class JsonScan {
  readonly bytes: Buffer;
  position = 0;
  #high = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** The text of a value. */
  text({ start, end, cutStart, cutEnd, isAscii }: JsonSpan): string {
    if (cutStart === cutEnd) return this.#slice(start, end, isAscii);
    return `${this.#slice(start, cutStart, isAscii)}null${this.#slice(cutEnd, end, isAscii)}`;
  }

  /** Calls back at each member of the object that begins here, before its value, which has to be passed over. `key`: between the quotes. */
  members(visit: (key: string) => void): void {
    this.#expect(OPEN, 'an object');
    if (this.#takes(CLOSE)) return;
    do {
      this.#space();
      const start = this.position + 1;
      if (this.bytes[this.position] !== QUOTE) throw new Undecodable('a member has no name');
      this.#string();
      const key = this.bytes.toString('latin1', start, this.position - 1);
      this.#expect(COLON, 'a value');
      visit(key);
    } while (this.#takes(COMMA));
    this.#expect(CLOSE, 'the end of an object');
  }

  /** Calls back at each item of the list that begins here; the value has to be passed over. Gives false, and passes over it, if it is no list. */
  items(visit: () => void): boolean {
    this.#space();
    if (this.bytes[this.position] !== OPEN_LIST) {
      this.skip();
      return false;
    }
    this.position += 1;
    if (this.#takes(CLOSE_LIST)) return true;
    do visit();
    while (this.#takes(COMMA));
    this.#expect(CLOSE_LIST, 'the end of a list');
    return true;
  }

  /** A value. */
  value(): JsonSpan {
    this.#space();
    const start = this.position;
    this.#high = 0;
    this.skip();
    const end = this.position;
    return { start, end, cutStart: end, cutEnd: end, isAscii: this.#high < 0x80 };
  }

  /** A value that may be an API object: its managedFields are left out. */
  object(): JsonSpan {
    this.#space();
    if (this.bytes[this.position] !== OPEN) return this.value();
    const start = this.position;
    this.#high = 0;
    let cutStart = 0;
    let cutEnd = 0;
    this.members((key) => {
      this.#space();
      if (key !== 'metadata' || this.bytes[this.position] !== OPEN) return this.skip();
      this.members((field) => {
        this.#space();
        const valueStart = this.position;
        this.skip();
        if (field !== 'managedFields') return;
        cutStart = valueStart;
        cutEnd = this.position;
      });
    });
    const end = this.position;
    const isAscii = this.#high < 0x80;
    return cutEnd === 0
      ? { start, end, cutStart: end, cutEnd: end, isAscii }
      : { start, end, cutStart, cutEnd, isAscii };
  }

  /** Nothing but space comes any more. */
  end(): void {
    this.#space();
    if (this.position < this.bytes.length) throw new Undecodable('something stands after the end');
  }

  /** Passes over a value. */
  skip(): void {
    this.#space();
    const first = this.bytes[this.position] ?? 0;
    if (first === QUOTE) this.#string();
    else if ((first | BRACE) === OPEN) this.#nested();
    else this.#plain();
  }

  #nested(): void {
    const { bytes } = this;
    const { length } = bytes;
    let at = this.position;
    let depth = 0;
    let high = 0;
    while (at < length) {
      const byte = bytes[at++] as number;
      if (byte === QUOTE) {
        for (;;) {
          // Beyond the end there is nothing, which is no quote.
          const inner = bytes[at++] as number;
          if (inner === QUOTE) break;
          high |= inner;
          if (inner === BACKSLASH) at += 1;
          else if (at > length) throw new Undecodable('a text is cut off');
        }
      } else if ((byte | BRACE) === OPEN) depth += 1;
      else if ((byte | BRACE) === CLOSE) {
        depth -= 1;
        if (depth > 0) continue;
        this.position = at;
        this.#high |= high;
        return;
      }
    }
    throw new Undecodable('an object is cut off');
  }

  #string(): void {
    const { bytes } = this;
    let at = this.position + 1;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Undecodable('a text is cut off');
      if (byte === QUOTE) break;
      this.#high |= byte;
      if (byte === BACKSLASH) at += 1;
    }
    this.position = at;
  }

  /** A number or a word; what it is, whoever parses it says. */
  #plain(): void {
    const { bytes } = this;
    const start = this.position;
    for (let at = start; ; at++) {
      const byte = bytes[at] ?? COMMA;
      if (byte > SPACE && byte !== COMMA && (byte | BRACE) !== CLOSE) continue;
      if (at === start) throw new Undecodable('a value is missing');
      this.position = at;
      return;
    }
  }

  #space(): void {
    const { bytes } = this;
    for (;;) {
      const byte = bytes[this.position];
      if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.position += 1;
    }
  }

  #takes(byte: number): boolean {
    this.#space();
    if (this.bytes[this.position] !== byte) return false;
    this.position += 1;
    return true;
  }

  #expect(byte: number, what: string): void {
    if (!this.#takes(byte)) throw new Undecodable(`${what} is missing`);
  }

  #slice(start: number, end: number, isAscii: boolean): string {
    return this.bytes.toString(isAscii ? 'latin1' : 'utf8', start, end);
  }
}
