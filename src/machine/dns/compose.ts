import { Buffer } from 'node:buffer';
import { CLASS_INTERNET, type DnsMessage, RCODE, TYPE } from './message.ts';
import { HEADER_BYTES, nameBytes } from './wire-name.ts';

const FLAG = { answer: 0x8000, truncated: 0x0200, recursionDesired: 0x0100, recursionAvailable: 0x0080 } as const;
const OPCODE_AND_RECURSION = 0x7900;
/** What fits through every path without being split (DNS flag day 2020). */
export const EDNS_BYTES = 1_232;

/** Our own question; `undefined`: the name is none that can be asked for. */
export function question(id: number, name: string, type: number): Buffer | undefined {
  const asked = nameBytes(name);
  if (asked === undefined) return undefined;
  const header = [0, 0, FLAG.recursionDesired >> 8, 0, 0, 1, 0, 0, 0, 0, 0, 1];
  const option = [0, 0, TYPE.opt, EDNS_BYTES >> 8, EDNS_BYTES & 255, 0, 0, 0, 0, 0, 0];
  const bytes = Buffer.from([...header, ...asked, type >> 8, type & 255, 0, CLASS_INTERNET, ...option]);
  bytes.writeUInt16BE(id, 0);
  return bytes;
}

/** Writes another id over a message's own: what comes and goes ten thousand times a second is not copied for two octets. */
export function putId(bytes: Buffer, id: number): Buffer {
  bytes[0] = id >> 8;
  bytes[1] = id & 255;
  return bytes;
}

/** An answer to this question that says nothing but a code; with the id that it was read with. */
export function refusal(asked: DnsMessage, rcode: number): Buffer {
  return putId(bareAnswer(asked.bytes.subarray(0, asked.questionEnd), rcode), asked.id);
}

/** An answer to what could not be read beyond its header. */
export function formatError(bytes: Buffer): Buffer | undefined {
  if (bytes.length < HEADER_BYTES || (bytes.readUInt16BE(2) & FLAG.answer) !== 0) return undefined;
  const answer = bareAnswer(bytes.subarray(0, HEADER_BYTES), RCODE.formatError);
  answer.writeUInt16BE(0, 4);
  return answer;
}

/** What a client gets whose answer is too long for its datagrams: ask again over TCP. */
export function truncated(answer: DnsMessage): Buffer {
  const short = Buffer.from(answer.bytes.subarray(0, answer.questionEnd));
  short.writeUInt16BE(answer.bytes.readUInt16BE(2) | FLAG.truncated, 2);
  short.fill(0, 6, HEADER_BYTES);
  return short;
}

function bareAnswer(head: Buffer, rcode: number): Buffer {
  const answer = Buffer.from(head);
  const kept = answer.readUInt16BE(2) & OPCODE_AND_RECURSION;
  answer.writeUInt16BE(FLAG.answer | kept | FLAG.recursionAvailable | rcode, 2);
  answer.fill(0, 6, HEADER_BYTES);
  return answer;
}
