/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access, typescript/no-implied-eval -- plain JavaScript: there are no types to check */
// Runs inside a namespace and obeys JSON lines on standard input, answering each with one on standard output: servers that tell the
// source they see, probes, and connections that keep sending. Plain JavaScript, so that it starts in 50 ms. Driven by probe.ts.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';

/** Connections and streams by key; of servers: what arrived, by protocol, port and source address. */
const streams = new Map();
const arrived = new Map();
/** Ends of what UDP servers here push. */
const pushes = new Set();
/** Ends of attempts that nothing has come of so far, by the number of their question. */
const quiet = new Map();
const PAUSE_MS = 10;
/** In one turn libuv takes 32 datagrams from a socket: so many turns read whatever has come when the first begins. */
const TURNS = 20;
/** What a UDP server pushes to who asks for it, and how often. */
const MANNERS = new Map([
  ['push', { pauseMs: PAUSE_MS, datagrams: 1 }],
  ['flood', { pauseMs: 1, datagrams: 3 }],
]);

const note = (protocol, port, source, bytes) => {
  const key = `${protocol} ${port} ${source}`;
  arrived.set(key, (arrived.get(key) ?? 0) + bytes);
};
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const every = (action, pauseMs = PAUSE_MS) => {
  const timer = setInterval(action, pauseMs);
  return () => clearInterval(timer);
};

/** Tells each client its source, then pushes for as long as the connection lives. */
function listenTcp({ address, port }) {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      const source = socket.remoteAddress;
      socket.write(`${source} ${socket.remotePort}\n`);
      const stop = every(() => socket.write('s'));
      socket.on('data', (data) => note('tcp', port, source, data.length));
      socket.on('error', () => {});
      socket.on('close', stop);
    });
    server.on('error', reject);
    server.listen({ host: address, port, ipv6Only: address === '::' }, () => resolve({}));
  });
}

/** Answers each datagram with its source; one that says "push" or "flood" makes the server push to it until it is hushed. */
function listenUdp({ address, port }) {
  return new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
    const pushed = new Set();
    socket.on('error', reject);
    socket.on('message', (data, from) => {
      note('udp', port, from.address, data.length);
      socket.send(`${from.address} ${from.port}\n`, from.port, from.address, () => {});
      const key = `${from.address} ${from.port}`;
      const manner = MANNERS.get(data.toString());
      if (manner === undefined || pushed.has(key)) return;
      pushed.add(key);
      const stop = every(() => {
        for (let n = 0; n < manner.datagrams; n++) socket.send('s', from.port, from.address, () => {});
      }, manner.pauseMs);
      pushes.add(() => {
        stop();
        pushed.delete(key);
      });
    });
    socket.bind({ address, port }, () => resolve({}));
  });
}

/**
 * After so long, says that it is quiet. A clock alone proves nothing: this process, or the one that should have answered, may have been kept
 * from running. So the attempt goes on until `conclude`, which comes when everybody has had a turn. Returns what takes it back.
 */
function quietAfter(id, timeoutMs, end) {
  const timer = setTimeout(() => {
    quiet.set(id, end);
    say({ id, quiet: true });
  }, timeoutMs);
  return () => {
    clearTimeout(timer);
    quiet.delete(id);
  };
}

/** Resolves when what had come before is read. */
async function turns() {
  for (let n = 0; n < TURNS; n++) await turn();
  return {};
}

/** Resolves when everything here that sends by a clock has had the time to send so often: a clock that ran while this stood still does not count. */
function beats({ count }) {
  return new Promise((resolve) => {
    let left = count;
    const stop = every(() => {
      left -= 1;
      if (left > 0) return;
      stop();
      resolve({});
    });
  });
}

/** Echo replies that came to this namespace so far, whether a process was there to hear them or not. */
function echoReplies() {
  const [names = '', counts = ''] = readFileSync('/proc/self/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Icmp: '));
  const four = counts.split(' ')[names.split(' ').indexOf('InEchoReps')];
  const six = /^Icmp6InEchoReplies\s+(\d+)$/m.exec(readFileSync('/proc/self/net/snmp6', 'utf8'))?.[1];
  return { count: Number(four) + Number(six) };
}

const sourceOf = (line) => line.split(' ')[0];

function probeTcp({ id, from, to, port, timeoutMs, localPort = 0 }) {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port, localAddress: from, localPort });
    const finish = (outcome) => {
      stopWaiting();
      // A reset leaves no TIME_WAIT, so the same ports can be used again at once; one that still connects would wait for it.
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
      resolve(outcome);
    };
    const stopWaiting = quietAfter(id, timeoutMs, () => finish({ outcome: 'silence' }));
    socket.on('data', (data) => finish({ outcome: 'passed', source: sourceOf(data.toString()) }));
    socket.on('error', (error) => finish({ outcome: error.code }));
  });
}

function probeUdp({ id, from, to, port, timeoutMs, localPort = 0 }) {
  return new Promise((resolve) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const finish = (outcome) => {
      stopWaiting();
      socket.close();
      resolve(outcome);
    };
    const stopWaiting = quietAfter(id, timeoutMs, () => finish({ outcome: 'silence' }));
    socket.on('message', (data) => finish({ outcome: 'passed', source: sourceOf(data.toString()) }));
    socket.on('error', (error) => finish({ outcome: error.code }));
    socket.bind({ address: from, port: localPort }, () => socket.send('?', port, to, () => {}));
  });
}

/** `silent`: only the server goes on sending. */
function openTcp({ id, key, from, to, port, timeoutMs, silent, localPort = 0 }) {
  return new Promise((resolve) => {
    const stream = { state: 'open', received: 0, sent: 0, source: '' };
    const socket = connect({ host: to, port, localAddress: from, localPort });
    const stopWaiting = quietAfter(id, timeoutMs, () => resolve({ outcome: 'silence' }));
    let stop = () => {};
    socket.once('data', (data) => {
      stopWaiting();
      stream.source = sourceOf(data.toString());
      if (silent !== true)
        stop = every(() => {
          socket.write('c');
          stream.sent += 1;
        });
      resolve({ outcome: 'passed', source: stream.source, localPort: socket.localPort });
    });
    socket.on('data', (data) => (stream.received += data.length));
    socket.on('error', (error) => {
      stopWaiting();
      stream.state = error.code;
      resolve({ outcome: error.code });
    });
    socket.on('close', () => {
      if (stream.state === 'open') stream.state = 'closed';
      stop();
    });
    streams.set(key, { stream, close: () => socket.destroy() });
  });
}

/** `silent`: the client says its word once and then nothing; only the server goes on sending. */
function openUdp({ id, key, from, to, port, timeoutMs, silent, says = 'push', localPort = 0 }) {
  return new Promise((resolve) => {
    const stream = { state: 'open', received: 0, sent: 0, source: '' };
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const stopWaiting = quietAfter(id, timeoutMs, () => resolve({ outcome: 'silence' }));
    let stop = () => {};
    socket.on('message', (data) => {
      stream.received += 1;
      if (stream.source !== '') return;
      stopWaiting();
      stream.source = sourceOf(data.toString());
      resolve({ outcome: 'passed', source: stream.source, localPort: socket.address().port });
    });
    socket.on('error', (error) => {
      stopWaiting();
      resolve({ outcome: error.code });
    });
    socket.bind({ address: from, port: localPort }, () => {
      const send = () => {
        stream.sent += 1;
        socket.send(says, port, to, () => {});
      };
      send();
      if (silent !== true) stop = every(send);
    });
    const close = () => {
      stopWaiting();
      stop();
      socket.close();
    };
    streams.set(key, { stream, close });
  });
}

const operations = {
  listenTcp,
  listenUdp,
  probeTcp,
  probeUdp,
  openTcp,
  openUdp,
  stream: ({ key }) => streams.get(key)?.stream ?? { state: 'unknown', received: 0, sent: 0, source: '' },
  close: ({ key }) => {
    streams.get(key)?.close();
    streams.delete(key);
    return {};
  },
  hush: () => {
    for (const stop of pushes) stop();
    pushes.clear();
    return {};
  },
  arrived: () => ({ bytes: Object.fromEntries(arrived) }),
  beats,
  echoReplies,
  turns,
  conclude: async ({ of }) => {
    await turns();
    quiet.get(of)?.();
    quiet.delete(of);
    return {};
  },
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, operation, ...rest } = JSON.parse(line);
  try {
    say({ id, result: await operations[operation]({ id, ...rest }) });
  } catch (error) {
    say({ id, error: String(error) });
  }
});
process.stdin.on('end', () => process.exit(0));
