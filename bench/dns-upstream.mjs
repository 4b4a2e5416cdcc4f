/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access, typescript/no-unsafe-argument -- plain JavaScript: there are no types to check */
// The resolver behind the DNS proxy in bench/dns.bench.ts: `dns-upstream.mjs ADDRESS EVERY`. Every so many answers have an address that was never
// given before (11.0.0.0/8); all others repeat one of their name's own (100.64.0.0/10). As little work as can be: it shares the machine.
import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import process from 'node:process';

const [address = '', every = ''] = process.argv.slice(2);
const EVERY = Number(every);
let answers = 0;
let fresh = 0;
const socket = createSocket('udp4');
socket.on('message', (query, from) => {
  let end = 12;
  let sum = 0;
  for (let size = query[end]; size > 0; size = query[end]) {
    for (let at = end + 1; at <= end + size; at++) sum = (sum * 31 + query[at]) & 0x3fffff;
    end += size + 1;
  }
  const isAddress = query.readUInt16BE(end + 1) === 1;
  end += 5;
  const answer = Buffer.allocUnsafe(end + (isAddress ? 16 : 0));
  query.copy(answer, 0, 0, end);
  answer.writeUInt16BE(0x8180, 2);
  answer.writeUInt32BE(isAddress ? 0x0001_0001 : 0x0001_0000, 4);
  answer.writeUInt32BE(0, 8);
  if (isAddress) {
    const value = ++answers % EVERY === 0 ? 0x0b000000 + ++fresh : 0x64400000 + sum;
    answer.writeUInt16BE(0xc00c, end);
    answer.writeUInt32BE(0x0001_0001, end + 2);
    answer.writeUInt32BE(300, end + 6);
    answer.writeUInt16BE(4, end + 10);
    answer.writeUInt32BE(value, end + 12);
  }
  socket.send(answer, from.port, from.address);
});
socket.bind({ address, port: 53 }, () => {
  socket.setRecvBufferSize(4 << 20);
  process.stdout.write('listening\n');
});
