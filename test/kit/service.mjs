/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access, typescript/no-unsafe-call, typescript/no-unsafe-argument, typescript/no-unsafe-return -- plain JavaScript: there are no types to check */
// Runs inside a namespace: `service.mjs PORT SOCKET` leads connections to that port of its loopback to a socket in the file system, which
// all namespaces share. Prints a line once it listens. Driven by service.ts.
import { connect, createServer } from 'node:net';
import process from 'node:process';

const [port, path] = process.argv.slice(2);
const server = createServer((near) => {
  const far = connect(path);
  near.pipe(far).pipe(near);
  for (const [one, other] of [
    [near, far],
    [far, near],
  ])
    one.on('error', () => other.destroy()).on('close', () => other.destroy());
});
server.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
