/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access, typescript/no-implied-eval -- plain JavaScript: there are no types to check */
// Runs inside a namespace and obeys JSON lines on standard input, answering each with one on standard output: servers that tell the
// source they see, probes, and connections that keep sending. Plain JavaScript, so that it starts in 50 ms. Driven by probe.ts.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** Connections and streams by key; of servers: what arrived, by protocol, port and source address. */
const streams = new Map();
const arrived = new Map();
/** Ends of what UDP servers here push. */
const pushes = new Set();
const PAUSE_MS = 10;
/** What a UDP server pushes to who asks for it, and how often. */
const MANNERS = new Map([
  ['push', { pauseMs: PAUSE_MS, datagrams: 1 }],
  ['flood', { pauseMs: 1, datagrams: 3 }],
]);

const note = (protocol, port, source, bytes) => {
  const key = `${protocol} ${port} ${source}`;
  arrived.set(key, (arrived.get(key) ?? 0) + bytes);
};
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

const sourceOf = (line) => line.split(' ')[0];

function probeTcp({ from, to, port, timeoutMs, localPort = 0 }) {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port, localAddress: from, localPort });
    const finish = (outcome) => {
      clearTimeout(timer);
      // A reset leaves no TIME_WAIT, so the same ports can be used again at once; one that still connects would wait for it.
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => finish({ outcome: 'silence' }), timeoutMs);
    socket.on('data', (data) => finish({ outcome: 'passed', source: sourceOf(data.toString()) }));
    socket.on('error', (error) => finish({ outcome: error.code }));
  });
}

function probeUdp({ from, to, port, timeoutMs, localPort = 0 }) {
  return new Promise((resolve) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const finish = (outcome) => {
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    const timer = setTimeout(() => finish({ outcome: 'silence' }), timeoutMs);
    socket.on('message', (data) => finish({ outcome: 'passed', source: sourceOf(data.toString()) }));
    socket.on('error', (error) => finish({ outcome: error.code }));
    socket.bind({ address: from, port: localPort }, () => socket.send('?', port, to, () => {}));
  });
}

/** `silent`: only the server goes on sending. */
function openTcp({ key, from, to, port, timeoutMs, silent, localPort = 0 }) {
  return new Promise((resolve) => {
    const stream = { state: 'open', received: 0, sent: 0, source: '' };
    const socket = connect({ host: to, port, localAddress: from, localPort });
    const timer = setTimeout(() => resolve({ outcome: 'silence' }), timeoutMs);
    let stop = () => {};
    socket.once('data', (data) => {
      clearTimeout(timer);
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
function openUdp({ key, from, to, port, timeoutMs, silent, says = 'push', localPort = 0 }) {
  return new Promise((resolve) => {
    const stream = { state: 'open', received: 0, sent: 0, source: '' };
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const timer = setTimeout(() => resolve({ outcome: 'silence' }), timeoutMs);
    let stop = () => {};
    socket.on('message', (data) => {
      stream.received += 1;
      if (stream.source !== '') return;
      clearTimeout(timer);
      stream.source = sourceOf(data.toString());
      resolve({ outcome: 'passed', source: stream.source, localPort: socket.address().port });
    });
    socket.on('error', (error) => resolve({ outcome: error.code }));
    socket.bind({ address: from, port: localPort }, () => {
      const send = () => {
        stream.sent += 1;
        socket.send(says, port, to, () => {});
      };
      send();
      if (silent !== true) stop = every(send);
    });
    const close = () => {
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
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, operation, ...rest } = JSON.parse(line);
  try {
    process.stdout.write(`${JSON.stringify({ id, result: await operations[operation](rest) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ id, error: String(error) })}\n`);
  }
});
process.stdin.on('end', () => process.exit(0));
