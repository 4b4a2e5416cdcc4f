/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access, typescript/no-unsafe-argument -- plain JavaScript: there are no types to check */
// Resolves names by c-ares, as programs do, and connects to the first address at once: `name-client.mjs JSON`, with { server, names, port, times,
// together, family }. Prints { passed, failed }: what did not connect before a dropped packet would be sent again.
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import process from 'node:process';

const { server, names, port, times, together = 1, family = 4 } = JSON.parse(process.argv[2]);
/** A SYN that is dropped is sent again after a second. */
const PATIENCE_MS = 900;
const resolver = new Resolver({ timeout: 30_000, tries: 1 });
resolver.setServers([server]);

function reaches(address) {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const finish = (outcome) => {
      clearTimeout(timer);
      if (outcome === 'passed') socket.resetAndDestroy();
      else socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => finish('dropped'), PATIENCE_MS);
    socket.on('connect', () => finish('passed'));
    socket.on('error', (error) => finish(error.code));
  });
}

let passed = 0;
const failed = [];
let n = 0;
async function work() {
  while (n < times) {
    const turn = n++;
    const name = names[turn % names.length].replace('#', `n${turn}`);
    try {
      const addresses = family === 6 ? await resolver.resolve6(name) : await resolver.resolve4(name);
      const outcome = await reaches(addresses.at(-1));
      if (outcome === 'passed') passed++;
      else failed.push(`${name} ${addresses.at(-1)} ${outcome}`);
    } catch (error) {
      failed.push(`${name} ${error.code}`);
    }
  }
}
await Promise.all(Array.from({ length: together }, work));
process.stdout.write(JSON.stringify({ passed, failed: failed.slice(0, 20) }));
