import { Buffer } from 'node:buffer';

export const HEADER_BYTES = 12;
/** RFC 1035 section 2.3.4. */
const LONGEST_LABEL = 63;
const LONGEST_NAME = 255;
/** Each jump leads back, so there is an end; this keeps names of nothing but jumps from being work. */
const MOST_JUMPS = 64;
/** The upper bits of two octets that say where a name goes on. */
export const POINTER = 0xc0;
const DOT = 46;
const BACKSLASH = 92;
/** What a name of the longest, each octet of it as `\DDD`, takes, and as much again for what it leads to. */
const TEXT = Buffer.alloc(2 * 4 * LONGEST_NAME);

/** A name as read from a message. */
export interface WireName {
  /** Lower case, with its last dot; `.` for the root. Octets that no policy can write stand as `\DDD`. */
  readonly text: string;
  /** Where the next thing stands. */
  readonly end: number;
}

/** What names of a message that was read to its last part end with, from a place that others led to. */
interface Tail {
  readonly text: string;
  readonly octets: number;
  readonly jumps: number;
}

/** By place. Of 65,535 octets thousands of names may lead to one that is long; it is read once. */
export type Tails = Map<number, Tail>;

/** Reads a name, following what compresses it, strictly backwards. `undefined`: it is none. `tails`: of the same message, what was read of it before. */
export function readName(bytes: Buffer, start: number, tails?: Tails): WireName | undefined {
  /** So many characters of it stand in `TEXT`: a text that grows octet by octet would be an object for each. */
  let characters = 0;
  let at = start;
  let end = -1;
  let length = 1;
  let jumps = 0;
  // A name leads to what stands before it: the place that it is read from has to fall with each jump.
  let from = start;
  const led: { readonly at: number; readonly characters: number; readonly octets: number; readonly jumps: number }[] =
    [];
  const whole = (): WireName | undefined => {
    if (length > LONGEST_NAME || jumps > MOST_JUMPS) return undefined;
    const text = TEXT.toString('latin1', 0, characters);
    for (const part of led)
      tails?.set(part.at, {
        text: text.slice(part.characters),
        octets: length - part.octets,
        jumps: jumps - part.jumps,
      });
    return { text: text === '' ? '.' : text, end };
  };
  for (;;) {
    const size = bytes[at];
    if (size === undefined) return undefined;
    if (size === 0) {
      if (end < 0) end = at + 1;
      return whole();
    }
    if (size >= POINTER) {
      const low = bytes[at + 1];
      if (low === undefined || ++jumps > MOST_JUMPS) return undefined;
      if (end < 0) end = at + 2;
      at = ((size & 0x3f) << 8) | low;
      if (at >= from || at < HEADER_BYTES) return undefined;
      from = at;
      const known = tails?.get(at);
      if (known !== undefined) {
        characters += TEXT.write(known.text, characters, 'latin1');
        length += known.octets;
        jumps += known.jumps;
        return whole();
      }
      led.push({ at, characters, octets: length, jumps });
      continue;
    }
    length += size + 1;
    if (size > LONGEST_LABEL || length > LONGEST_NAME || at + 1 + size > bytes.length) return undefined;
    characters = putLabel(bytes, at + 1, size, characters);
    TEXT[characters++] = DOT;
    at += size + 1;
  }
}

/** Writes a label into `TEXT`, from a place to the one that it returns. */
function putLabel(bytes: Buffer, at: number, size: number, from: number): number {
  let place = from;
  for (let n = at; n < at + size; n++) {
    const octet = bytes[n] ?? 0;
    if (octet >= 65 && octet <= 90) TEXT[place++] = octet + 32;
    else if (octet > 32 && octet < 127 && octet !== DOT && octet !== BACKSLASH) TEXT[place++] = octet;
    else place += TEXT.write(`\\${String(octet).padStart(3, '0')}`, place, 'latin1');
  }
  return place;
}

/** The octets of a canonical name of plain labels; `undefined`: it cannot be asked for. */
export function nameBytes(name: string): readonly number[] | undefined {
  if (name === '.') return [0];
  if (!/^([!-,/-[\]-~-]{1,63}\.)+$/.test(name) || name.length > LONGEST_NAME - 1) return undefined;
  return [...name.slice(0, -1).split('.').flatMap(labelBytes), 0];
}

function labelBytes(label: string): readonly number[] {
  return [label.length, ...Buffer.from(label, 'latin1')];
}
