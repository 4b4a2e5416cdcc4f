import type { Buffer } from 'node:buffer';
import { HEADER_BYTES, readName, type WireName } from './wire-name.ts';

/** Numbers of RFC 1035, 3596, 6891 that matter here. */
export const TYPE = { a: 1, cname: 5, soa: 6, opt: 41, aaaa: 28, ixfr: 251, axfr: 252, any: 255 } as const;
export const CLASS_INTERNET = 1;
export const RCODE = { noError: 0, formatError: 1, notImplemented: 4, refused: 5 } as const;
/** The longest message over TCP, whose length is two octets. */
export const LONGEST_MESSAGE = 65_535;
/** What a client takes over UDP that does not say otherwise. */
export const PLAIN_UDP_BYTES = 512;

/** The least that a record takes: the root's name, type, class, time to live, length. */
const LEAST_RECORD_BYTES = 11;
const LEAST_QUESTION_BYTES = 5;

export interface Question {
  /** Canonical: see `readName`. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** One record; of its data, where it stands in the message. */
export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Seconds. */
  readonly ttl: number;
  readonly dataAt: number;
  readonly dataLength: number;
  /** Where a CNAME leads; of no other record. */
  readonly target: string | undefined;
}

/** A message whose every octet has been accounted for. */
export interface DnsMessage {
  readonly bytes: Buffer;
  readonly id: number;
  readonly isAnswer: boolean;
  readonly opcode: number;
  readonly isTruncated: boolean;
  readonly rcode: number;
  /** All messages about names have exactly one; others are not read. */
  readonly question: Question;
  /** Where the question ends. */
  readonly questionEnd: number;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  /** How much its sender takes over UDP (EDNS); `undefined`: it says nothing. */
  readonly udpBytes: number | undefined;
}

/**
 * Reads a message strictly: whatever is cut, too long, points forward or leaves octets over makes it nothing at all. What a resolver
 * says opens a firewall, so there is no second reading of it.
 */
export function readMessage(bytes: Buffer): DnsMessage | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > LONGEST_MESSAGE) return undefined;
  const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  const [questions = 0, answered = 0, authority = 0, additional = 0] = counts;
  const records = answered + authority + additional;
  if (questions !== 1 || bytes.length < HEADER_BYTES + LEAST_QUESTION_BYTES + records * LEAST_RECORD_BYTES)
    return undefined;
  const asked = readName(bytes, HEADER_BYTES);
  if (asked === undefined || asked.end + 4 > bytes.length) return undefined;
  const cursor: Cursor = { at: asked.end + 4 };
  const answers = readRecords(bytes, cursor, answered);
  const authorities = answers && readRecords(bytes, cursor, authority);
  const additionals = authorities && readRecords(bytes, cursor, additional);
  if (additionals === undefined || cursor.at !== bytes.length) return undefined;
  const isOption = ({ type }: DnsRecord): boolean => type === TYPE.opt;
  const options = additionals.filter(isOption);
  if (options.length > 1 || options.some(({ name }) => name !== '.')) return undefined;
  if (answers?.some(isOption) === true || authorities?.some(isOption) === true) return undefined;
  const flags = bytes.readUInt16BE(2);
  return {
    bytes,
    id: bytes.readUInt16BE(0),
    isAnswer: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 15,
    isTruncated: (flags & 0x0200) !== 0,
    rcode: flags & 15,
    question: {
      name: asked.text,
      type: bytes.readUInt16BE(asked.end),
      class: bytes.readUInt16BE(asked.end + 2),
    },
    questionEnd: asked.end + 4,
    answers: answers ?? [],
    authorities: authorities ?? [],
    udpBytes: options[0]?.class,
  };
}

interface Cursor {
  at: number;
}

function readRecords(bytes: Buffer, cursor: Cursor, count: number): readonly DnsRecord[] | undefined {
  const records: DnsRecord[] = [];
  for (let n = 0; n < count; n++) {
    const owner: WireName | undefined = readName(bytes, cursor.at);
    if (owner === undefined || owner.end + 10 > bytes.length) return undefined;
    const at = owner.end;
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 8);
    const dataAt = at + 10;
    if (dataAt + length > bytes.length) return undefined;
    let target: string | undefined;
    if (type === TYPE.cname) {
      const read = readName(bytes, dataAt);
      if (read === undefined || read.end !== dataAt + length) return undefined;
      target = read.text;
    }
    const isInternet = bytes.readUInt16BE(at + 2) === CLASS_INTERNET;
    if (isInternet && ((type === TYPE.a && length !== 4) || (type === TYPE.aaaa && length !== 16))) return undefined;
    const ttl = bytes.readUInt32BE(at + 4);
    records.push({
      name: owner.text,
      type,
      class: bytes.readUInt16BE(at + 2),
      // RFC 2181 section 8: with the highest bit set it counts as 0.
      ttl: ttl > 0x7fff_ffff ? 0 : ttl,
      dataAt,
      dataLength: length,
      target,
    });
    cursor.at = dataAt + length;
  }
  return records;
}
