/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access, typescript/no-unsafe-argument -- plain JavaScript: there are no types to check */
// Resolves names by c-ares, as programs do, and connects to the first address at once: `name-client.mjs JSON`, with { server, names, port, times,
// together, family, asks }. Prints { passed, failed, resent }: what connected, what did not, and how many first packets the kernel sent again because
// nothing had answered them. `asks`: how often a question is sent that nobody answers.
import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import process from 'node:process';

const { server, names, port, times, together = 1, family = 4, asks = 4 } = JSON.parse(process.argv[2]);
/** A SYN that is dropped is sent again after a second; whoever has no turn for as long is not dropped for that. */
const LOOK_MS = 250;
const MOST_LOOKS = 80;

/** Whatever it is told, c-ares waits five seconds at most, and from the third answer on one second: a fresh one waits for the five. */
async function resolve(name) {
  for (let asked = 1; ; asked++) {
    const resolver = new Resolver({ timeout: 5_000, tries: 1 });
    resolver.setServers([server]);
    try {
      return family === 6 ? await resolver.resolve6(name) : await resolver.resolve4(name);
    } catch (error) {
      // A busy machine is late; any other answer counts.
      if (error.code !== 'ETIMEOUT' || asked === asks) throw error;
    }
  }
}

/** SYNs that were sent again in this network namespace, as the kernel counts them. */
function resent() {
  const [names, counts] = readFileSync('/proc/self/net/netstat', 'utf8').split('\n');
  return Number(counts.split(' ')[names.split(' ').indexOf('TCPSynRetrans')]);
}

function reaches(address) {
  return new Promise((resolve) => {
    const before = resent();
    const socket = connect({ host: address, port });
    let looks = 0;
    const finish = (outcome) => {
      clearInterval(looking);
      if (outcome === 'passed') socket.resetAndDestroy();
      else socket.destroy();
      resolve(outcome);
    };
    const looking = setInterval(() => {
      if (resent() > before) finish('dropped');
      else if (++looks === MOST_LOOKS) finish('silent');
    }, LOOK_MS);
    socket.on('connect', () => finish('passed'));
    socket.on('error', (error) => finish(error.code));
  });
}

const before = resent();
let passed = 0;
const failed = [];
let n = 0;
async function work() {
  while (n < times) {
    const turn = n++;
    const name = names[turn % names.length].replace('#', `n${turn}`);
    try {
      const addresses = await resolve(name);
      const outcome = await reaches(addresses.at(-1));
      if (outcome === 'passed') passed++;
      else failed.push(`${name} ${addresses.at(-1)} ${outcome}`);
    } catch (error) {
      failed.push(`${name} ${error.code}`);
    }
  }
}
await Promise.all(Array.from({ length: together }, work));
process.stdout.write(JSON.stringify({ passed, failed: failed.slice(0, 20), resent: resent() - before }));
