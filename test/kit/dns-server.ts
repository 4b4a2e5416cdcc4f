/**
 * A DNS server for tests, UDP and TCP: `dns-server.ts ADDRESS PORT`. What it says follows from the name; `next` is an address of 100.64.0.0/16
 * that it has not given before. It prints a line when it listens.
 *
 * | name | answer |
 * |---|---|
 * | `rotate.example.org`, `*.wild.example.org` | A: next, for ten minutes |
 * | `brief.example.org` | A: always the same, for one second |
 * | `alias.example.org` | an alias of `target.example.net`, whose address (next) it gives too |
 * | `half.example.org` | an alias of `brief.example.org`, and no more |
 * | `round.example.org` | an alias of itself by way of another |
 * | `big.example.org` | A: 60 of them; over UDP it is cut |
 * | `six.example.org` | AAAA: 2001:db8:100::9; no A |
 * | `forged.example.org` | first what a forger would send, then A: next |
 * | `deaf.example.org` | nothing |
 * | everything else | there is no such name |
 */
import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import process from 'node:process';
import { a, aaaa, ANSWER, cname, edns, soa, wire, type WireMessage, type WireRecord } from './dns-wire.ts';

const [address = '127.0.0.1', port = '53'] = process.argv.slice(2);
const TRUNCATED = 0x0200;
const NO_SUCH_NAME = 3;
/** Longer than a busy machine takes to start a controller again. */
const LONG_S = 600;
let given = 0;

function next(): string {
  given++;
  return `100.64.${(given >> 8) & 255}.${given & 255}`;
}

interface Asked {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly hasEdns: boolean;
}

function read(bytes: Buffer): Asked {
  const labels: string[] = [];
  let at = 12;
  for (let size = bytes[at] ?? 0; size > 0; size = bytes[at] ?? 0) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + size));
    at += size + 1;
  }
  return {
    id: bytes.readUInt16BE(0),
    name: `${labels.join('.')}.`,
    type: bytes.readUInt16BE(at + 1),
    hasEdns: bytes.readUInt16BE(10) > 0,
  };
}

function answersTo({ name, type }: Asked): readonly WireRecord[] | undefined {
  const lower = name.toLowerCase();
  const records = (): readonly WireRecord[] => {
    if (lower === 'rotate.example.org.' || lower === 'forged.example.org.' || lower.endsWith('.wild.example.org.'))
      return [a(name, next(), LONG_S)];
    if (lower === 'brief.example.org.') return [a(name, '100.64.255.1', 1)];
    if (lower === 'alias.example.org.') return [cname(name, 'target.example.net.'), a('target.example.net.', next())];
    if (lower === 'half.example.org.') return [cname(name, 'brief.example.org.')];
    if (lower === 'round.example.org.') return [cname(name, 'trip.example.org.'), cname('trip.example.org.', name)];
    if (lower === 'big.example.org.') return Array.from({ length: 60 }, () => a(name, next()));
    if (lower === 'six.example.org.') return [aaaa(name, [0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 9])];
    return [];
  };
  if (type !== 1 && type !== 28) return [];
  const all = records();
  return all.length === 0 ? undefined : all.filter((record) => record.type === 5 || record.type === type);
}

function replies(bytes: Buffer, most: number): readonly Buffer[] {
  const asked = read(bytes);
  const question = { name: asked.name, type: asked.type };
  if (asked.name.toLowerCase() === 'deaf.example.org.') return [];
  const additionals = asked.hasEdns ? [edns(1_232)] : [];
  const answers = answersTo(asked);
  const base: WireMessage = { id: asked.id, question, additionals };
  if (answers === undefined) return [wire({ ...base, flags: ANSWER | NO_SUCH_NAME, authorities: [soa('example.')] })];
  const authorities = answers.length === 0 ? [soa('example.')] : [];
  const whole = wire({ ...base, answers, authorities });
  if (whole.length > most) return [wire({ ...base, flags: ANSWER | TRUNCATED })];
  if (!asked.name.toLowerCase().startsWith('forged.')) return [whole];
  const forged = a(asked.name, '100.64.200.66');
  return [
    wire({ ...base, id: asked.id ^ 1, answers: [forged] }),
    wire({ ...base, question: { ...question, name: 'other.example.org.' }, answers: [forged] }),
    wire({ ...base, flags: 0x0100, answers: [forged] }),
    Buffer.concat([wire({ ...base, answers: [forged] }), Buffer.from([0])]),
    whole,
  ];
}

const udp = createSocket('udp4');
udp.on('message', (bytes, from) => {
  const most = bytes.readUInt16BE(10) > 0 ? 1_232 : 512;
  for (const reply of replies(bytes, most)) udp.send(reply, from.port, from.address);
});
const tcp = createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    for (const reply of replies(chunk.subarray(2), 65_535)) {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([length, reply]));
    }
  });
});
udp.bind(Number(port), address, () => {
  tcp.listen(Number(port), address, () => process.stdout.write('listening\n'));
});
