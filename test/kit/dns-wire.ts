import { Buffer } from 'node:buffer';

/** Writes DNS messages for tests, independently of the reader that they test. */
export interface WireRecord {
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  readonly class?: number;
  /** Octets, or a name (which may be compressed). */
  readonly data: Buffer | { readonly name: string };
}

export interface WireMessage {
  readonly id?: number;
  /** The second 16 bits: 0x8180 is a plain answer, 0x0100 a plain question. */
  readonly flags?: number;
  readonly question: { readonly name: string; readonly type: number; readonly class?: number };
  readonly answers?: readonly WireRecord[];
  readonly authorities?: readonly WireRecord[];
  readonly additionals?: readonly WireRecord[];
}

export const ANSWER = 0x8180;
export const QUESTION = 0x0100;

export const a = (name: string, address: string, ttl = 60): WireRecord => ({
  name,
  type: 1,
  ttl,
  data: Buffer.from(address.split('.').map(Number)),
});
export const aaaa = (name: string, groups: readonly number[], ttl = 60): WireRecord => {
  const data = Buffer.alloc(16);
  groups.forEach((group, index) => data.writeUInt16BE(group, index * 2));
  return { name, type: 28, ttl, data };
};
export const cname = (name: string, target: string, ttl = 60): WireRecord => ({
  name,
  type: 5,
  ttl,
  data: { name: target },
});
/** Says that there is nothing of what was asked for. */
export const soa = (name: string): WireRecord => ({
  name,
  type: 6,
  ttl: 60,
  data: Buffer.concat([Buffer.from([0, 0]), Buffer.alloc(20)]),
});
/** EDNS: the sender takes so many octets over UDP. */
export const edns = (bytes: number): WireRecord => ({
  name: '.',
  type: 41,
  class: bytes,
  ttl: 0,
  data: Buffer.alloc(0),
});

/** The octets of a message; `compressed`: names point to what stands before them. */
export function wire(message: WireMessage, compressed = true): Buffer {
  const out: number[] = [];
  const places = new Map<string, number>();
  const u16 = (value: number): number => out.push((value >> 8) & 255, value & 255);
  const name = (text: string): void => {
    const labels = text.split('.').filter((label) => label !== '');
    for (let n = 0; n < labels.length; n++) {
      const rest = labels.slice(n).join('.').toLowerCase();
      const place = places.get(rest);
      if (compressed && place !== undefined) {
        u16(0xc000 | place);
        return;
      }
      if (out.length < 0x3fff) places.set(rest, out.length);
      const label = Buffer.from(labels[n] ?? '', 'latin1');
      out.push(label.length, ...label);
    }
    out.push(0);
  };
  const { question, answers = [], authorities = [], additionals = [] } = message;
  for (const value of [message.id ?? 0, message.flags ?? ANSWER, 1]) u16(value);
  for (const records of [answers, authorities, additionals]) u16(records.length);
  name(question.name);
  u16(question.type);
  u16(question.class ?? 1);
  for (const record of [...answers, ...authorities, ...additionals]) {
    name(record.name);
    u16(record.type);
    u16(record.class ?? 1);
    u16(Math.floor(record.ttl / 65_536));
    u16(record.ttl % 65_536);
    const at = out.length;
    u16(0);
    if (Buffer.isBuffer(record.data)) out.push(...record.data);
    else name((record.data as { readonly name: string }).name);
    const length = out.length - at - 2;
    out[at] = length >> 8;
    out[at + 1] = length & 255;
  }
  return Buffer.from(out);
}
