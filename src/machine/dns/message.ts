import type { Buffer } from 'node:buffer';
import { HEADER_BYTES, POINTER, readName, type Tails, type WireName } from './wire-name.ts';

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
 * says opens a firewall, so there is no second reading of it. `query`: what it may be the answer to; a question that is repeated octet by octet is not
 * read twice.
 */
export function readMessage(bytes: Buffer, query?: DnsMessage): DnsMessage | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > LONGEST_MESSAGE) return undefined;
  const answered = bytes.readUInt16BE(6);
  const authority = bytes.readUInt16BE(8);
  const additional = bytes.readUInt16BE(10);
  const records = answered + authority + additional;
  if (bytes.readUInt16BE(4) !== 1 || bytes.length < HEADER_BYTES + LEAST_QUESTION_BYTES + records * LEAST_RECORD_BYTES)
    return undefined;
  const asked = repeated(bytes, query) ?? readName(bytes, HEADER_BYTES);
  if (asked === undefined || asked.end + 4 > bytes.length) return undefined;
  const cursor: Cursor = { at: asked.end + 4, asked: asked.text, tails: undefined };
  const answers = readRecords(bytes, cursor, answered);
  const authorities = answers && readRecords(bytes, cursor, authority);
  const additionals = authorities && readRecords(bytes, cursor, additional);
  if (answers === undefined || authorities === undefined || additionals === undefined) return undefined;
  if (cursor.at !== bytes.length || answers.some(isOption) || authorities.some(isOption)) return undefined;
  const options = additionals.length === 0 ? NO_RECORDS : additionals.filter(isOption);
  if (options.length > 1 || options.some(({ name }) => name !== '.')) return undefined;
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
    answers,
    authorities,
    udpBytes: options[0]?.class,
  };
}

const NO_RECORDS: readonly DnsRecord[] = [];

function isOption({ type }: DnsRecord): boolean {
  return type === TYPE.opt;
}

/** The name of a query's question, if this message has the same octets there. */
function repeated(bytes: Buffer, query: DnsMessage | undefined): WireName | undefined {
  if (query === undefined || bytes.length < query.questionEnd) return undefined;
  const { questionEnd: end } = query;
  // So few octets are compared here in less time than it takes to ask Node for it.
  for (let at = HEADER_BYTES; at < end; at++) if (bytes[at] !== query.bytes[at]) return undefined;
  return { text: query.question.name, end: end - 4 };
}

interface Cursor {
  at: number;
  /** The name of the question. */
  readonly asked: string;
  /** Made for the first name that is read: most messages have none but the question's. */
  tails: Tails | undefined;
}

/** The name of a record: most often a pointer to the question's. */
function ownerAt(bytes: Buffer, cursor: Cursor): WireName | undefined {
  const { at, asked } = cursor;
  return bytes[at] === POINTER && bytes[at + 1] === HEADER_BYTES
    ? { text: asked, end: at + 2 }
    : readName(bytes, at, (cursor.tails ??= new Map()));
}

function readRecords(bytes: Buffer, cursor: Cursor, count: number): readonly DnsRecord[] | undefined {
  if (count === 0) return NO_RECORDS;
  const records: DnsRecord[] = [];
  for (let n = 0; n < count; n++) {
    const owner = ownerAt(bytes, cursor);
    if (owner === undefined || owner.end + 10 > bytes.length) return undefined;
    const at = owner.end;
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 8);
    const dataAt = at + 10;
    if (dataAt + length > bytes.length) return undefined;
    let target: string | undefined;
    if (type === TYPE.cname) {
      const read = readName(bytes, dataAt, (cursor.tails ??= new Map()));
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
