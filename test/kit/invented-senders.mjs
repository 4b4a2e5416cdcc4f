/* oxlint-disable typescript/no-unsafe-argument, typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access -- plain JavaScript: there are no types to check */
// Runs inside a namespace where all of 10.1.0.0/16 is local: `invented-senders.mjs COUNT SERVER PORT` sends one datagram from each of so many
// addresses from 10.1.1.0 on, as fast as it can.
import { createSocket } from 'node:dgram';
import process from 'node:process';

const AT_ONCE = 64;
const [count, server, port] = process.argv.slice(2);
let next = 0;

function send() {
  if (next >= Number(count)) return;
  const address = `10.1.${1 + (next >> 8)}.${next & 255}`;
  next += 1;
  const socket = createSocket('udp4');
  socket.bind(0, address, () =>
    socket.send('x', Number(port), server, () => {
      socket.close();
      send();
    }),
  );
}

for (let at = 0; at < AT_ONCE; at++) send();
