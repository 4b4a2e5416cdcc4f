import { Undecodable } from './undecodable.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const SPACE = 0x20;
/** Letters differ from their capitals in this bit alone. */
const SMALL = 0x20;
const DEPTH_OF_A_WORD = 32;

/** Bytes at which the inside of a text needs a look: its end, an escape, and what has to be escaped. */
const STOPS = new Uint8Array(256);
for (let byte = 0; byte < SPACE; byte++) STOPS[byte] = 1;
STOPS[QUOTE] = 1;
STOPS[BACKSLASH] = 1;

const codes = (text: string): readonly number[] => [...Buffer.from(text)];
const TRUE = codes('true');
const FALSE = codes('false');
const NULL = codes('null');
/** After a backslash, but for `u`. */
const ESCAPES: ReadonlySet<number> = new Set(codes('"\\/bfnrt'));

/**
 * Where the JSON value ends that begins at `at`, or after space there. Takes what `JSON.parse` takes and nothing else, whatever the characters beyond
 * ASCII are. One loop for all that is nested: most bytes of an object are passed over here. Throws `Undecodable`.
 */
export function endOfValue(bytes: Uint8Array, from: number): number {
  let at = from;
  // What is open around the value: a bit for each, 1 for an object; 32 at a time are put aside.
  let open = 0;
  let depth = 0;
  const aside: number[] = [];
  /** A name comes next, not a value. */
  let isName = false;
  for (;;) {
    let byte = bytes[at] as number;
    if (byte <= SPACE) byte = bytes[(at = endOfSpace(bytes, at))] as number;
    if (byte === QUOTE) {
      at = endOfText(bytes, at + 1);
      if (isName) {
        at = endOfColon(bytes, at);
        isName = false;
        continue;
      }
    } else if (isName) throw new Undecodable('a member has no name');
    else if (byte === OPEN || byte === OPEN_LIST) {
      const isObject = byte === OPEN;
      at += 1;
      byte = bytes[at] as number;
      if (byte <= SPACE) byte = bytes[(at = endOfSpace(bytes, at))] as number;
      if (byte !== (isObject ? CLOSE : CLOSE_LIST)) {
        if (depth > 0 && depth % DEPTH_OF_A_WORD === 0) aside.push(open);
        open = (open << 1) | (isObject ? 1 : 0);
        depth += 1;
        isName = isObject;
        continue;
      }
      at += 1;
    } else at = endOfPlain(bytes, at, byte);
    // A value has ended, and with it perhaps what is around it.
    for (;;) {
      if (depth === 0) return at;
      byte = bytes[at] as number;
      if (byte <= SPACE) byte = bytes[(at = endOfSpace(bytes, at))] as number;
      at += 1;
      const isObject = (open & 1) === 1;
      if (byte === COMMA) {
        isName = isObject;
        break;
      }
      if (byte !== (isObject ? CLOSE : CLOSE_LIST)) throw new Undecodable('an object or list is cut off or spoiled');
      depth -= 1;
      open = depth > 0 && depth % DEPTH_OF_A_WORD === 0 ? (aside.pop() as number) : open >>> 1;
    }
  }
}

/** Where the text ends, behind its quote, whose first character is at `from`. */
export function endOfText(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    at = firstStop(bytes, at);
    const byte = bytes[at++];
    if (byte === QUOTE) return at;
    if (byte !== BACKSLASH) throw new Undecodable('a text is cut off or spoiled');
    // Names of managed fields are full of quotes.
    at = bytes[at] === QUOTE ? at + 1 : endOfEscape(bytes, at);
  }
}

/** The first byte within a text, from here on, that is not just a character: its quote where nothing is escaped, or beyond the end of all. */
export function firstStop(bytes: Uint8Array, from: number): number {
  // Four at a time: the loop itself would cost as much as the look.
  for (let at = from; ; at += 4) {
    if (STOPS[bytes[at] as number] !== 0) return at;
    if (STOPS[bytes[at + 1] as number] !== 0) return at + 1;
    if (STOPS[bytes[at + 2] as number] !== 0) return at + 2;
    if (STOPS[bytes[at + 3] as number] !== 0) return at + 3;
  }
}

function endOfEscape(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] as number;
  if (ESCAPES.has(byte)) return at + 1;
  // `u`
  if (byte !== 0x75 || ![1, 2, 3, 4].every((n) => isHex(bytes[at + n] as number)))
    throw new Undecodable('a text has an escape that is none');
  return at + 5;
}

function isHex(byte: number): boolean {
  const small = byte | SMALL;
  return isDigit(byte) || (small >= 0x61 && small <= 0x66);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

export function endOfSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

/** Behind the colon between a name and its value. */
export function endOfColon(bytes: Uint8Array, from: number): number {
  if (bytes[from] === COLON) return from + 1;
  const at = endOfSpace(bytes, from);
  if (bytes[at] !== COLON) throw new Undecodable('a value is missing');
  return at + 1;
}

/** A number, `true`, `false`, or `null`, of which the first byte is given. */
function endOfPlain(bytes: Uint8Array, at: number, first: number): number {
  if (first === TRUE[0]) return endOfWord(bytes, at, TRUE);
  if (first === FALSE[0]) return endOfWord(bytes, at, FALSE);
  if (first === NULL[0]) return endOfWord(bytes, at, NULL);
  return endOfNumber(bytes, at);
}

function endOfWord(bytes: Uint8Array, from: number, word: readonly number[]): number {
  for (let n = 0; n < word.length; n++) if (bytes[from + n] !== word[n]) throw new Undecodable('a value is none');
  return from + word.length;
}

function endOfNumber(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  // No number begins with a zero that others follow.
  at = bytes[at] === 0x30 ? at + 1 : endOfDigits(bytes, at);
  if (bytes[at] === 0x2e) at = endOfDigits(bytes, at + 1);
  if (((bytes[at] as number) | SMALL) === 0x65) {
    at += 1;
    if (bytes[at] === 0x2b || bytes[at] === MINUS) at += 1;
    at = endOfDigits(bytes, at);
  }
  return at;
}

function endOfDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at] as number)) at += 1;
  if (at === from) throw new Undecodable('a value is missing');
  return at;
}
