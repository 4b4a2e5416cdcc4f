/* oxlint-disable typescript/no-unsafe-argument, typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access -- plain JavaScript: there are no types to check */
// Sends datagrams as fast as it can: flood.mjs FROM TO PORT. Ends when it is told to.
import { createSocket } from 'node:dgram';
import process from 'node:process';

const [from, to, port] = process.argv.slice(2);
const AT_ONCE = 64;
const socket = createSocket('udp4');
socket.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
socket.bind({ address: from }, () => {
  const send = () => {
    let left = AT_ONCE;
    const sent = () => {
      left -= 1;
      if (left === 0) setImmediate(send);
    };
    // What the border refuses comes back as an error of the socket; the next one is sent all the same.
    for (let n = 0; n < AT_ONCE; n++) socket.send('x', Number(port), to, sent);
  };
  process.stdout.write('floods\n');
  send();
});
