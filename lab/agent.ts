/**
 * The lab's hands inside a namespace: a server that tells each client the source it sees, and a prober that sends as any pod. Both speak
 * one JSON object a line: orders on standard input, results on standard output; they end when their input ends.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';

export type Transport = 'tcp' | 'udp' | 'icmp';

export interface ListenOrder {
  readonly listen: readonly { readonly address: string; readonly port: number; readonly transport: 'tcp' | 'udp' }[];
}

/** `try`: one attempt. `open`: a connection (or datagram exchange) that keeps talking until `close`. */
export type ProbeOrder =
  | {
      readonly id: number;
      readonly do: 'try' | 'open';
      readonly transport: Transport;
      readonly source: string;
      readonly destination: string;
      readonly port: number;
      readonly timeoutMs: number;
    }
  | { readonly id: number; readonly do: 'close' };

/** `at`: milliseconds of the machine's monotonic clock, comparable between processes. */
export type ProbeResult =
  | {
      readonly id: number;
      readonly kind: 'passed';
      readonly seen: string;
      readonly at: number;
      readonly startedAt: number;
    }
  | {
      readonly id: number;
      readonly kind: 'dropped';
      readonly why: string;
      readonly at: number;
      readonly startedAt: number;
    }
  | { readonly id: number; readonly kind: 'reply'; readonly at: number }
  | { readonly id: number; readonly kind: 'ended'; readonly why: string; readonly at: number };

/** Milliseconds of the machine's monotonic clock: the same in every process. */
export const machineTime = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;
const now = machineTime;
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

/** How often an open exchange sends. */
const TALK_MS = 10;

/** Serves until standard input ends. The first line of input is the order; `{"ready":true}` is the answer once everything listens. */
export async function serve(): Promise<void> {
  const input = createInterface({ input: process.stdin });
  process.stdin.on('end', () => process.exit(0));
  for await (const line of input) {
    const { listen } = JSON.parse(line) as ListenOrder;
    await Promise.all(listen.map((place) => (place.transport === 'tcp' ? serveTcp(place) : serveUdp(place))));
    say({ ready: true });
  }
}

function serveTcp(place: { address: string; port: number }): Promise<void> {
  const server = createServer((socket) => {
    const source = socket.remoteAddress ?? '';
    socket.on('error', () => socket.destroy());
    socket.write(`${source}\n`);
    socket.on('data', () => socket.write(`${source}\n`));
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen({ host: place.address, port: place.port }, resolve);
  });
}

function serveUdp(place: { address: string; port: number }): Promise<void> {
  const socket = createSocket(place.address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (_, from) => socket.send(from.address, from.port, from.address));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.bind(place.port, place.address, resolve);
  });
}

/** Probes as ordered until standard input ends. */
export async function probe(): Promise<void> {
  const open = new Map<number, () => void>();
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as ProbeOrder;
    if (order.do === 'close') {
      open.get(order.id)?.();
      open.delete(order.id);
    } else {
      const stop = start(order);
      if (order.do === 'open') open.set(order.id, stop);
    }
  }
  process.exit(0);
}

type Attempt = Extract<ProbeOrder, { readonly do: 'try' | 'open' }>;

/** Starts an attempt; the returned function ends an open one. */
function start(order: Attempt): () => void {
  const startedAt = now();
  let decided = false;
  const decide = (passed: boolean, text: string): void => {
    if (decided) return;
    decided = true;
    const { id } = order;
    say(
      passed
        ? { id, kind: 'passed', seen: text, at: now(), startedAt }
        : { id, kind: 'dropped', why: text, at: now(), startedAt },
    );
  };
  const timer = setTimeout(() => {
    decide(false, 'no answer');
    if (order.do === 'try') stop();
  }, order.timeoutMs);
  const answered = (text: string): void => {
    clearTimeout(timer);
    if (decided) say({ id: order.id, kind: 'reply', at: now() });
    else decide(true, text);
    if (order.do === 'try') stop();
  };
  const ended = (why: string): void => {
    clearTimeout(timer);
    if (decided && order.do === 'open') say({ id: order.id, kind: 'ended', why, at: now() });
    decide(false, why);
  };
  const stop = { tcp: overTcp, udp: overUdp, icmp: overIcmp }[order.transport](order, answered, ended);
  return stop;
}

type Overseer = (order: Attempt, answered: (seen: string) => void, ended: (why: string) => void) => () => void;

const overTcp: Overseer = (order, answered, ended) => {
  const socket: Socket = connect({ host: order.destination, port: order.port, localAddress: order.source });
  let talk: NodeJS.Timeout | undefined;
  socket.setNoDelay(true);
  socket.on('data', (data) => answered(data.toString().split('\n', 1)[0] ?? ''));
  socket.on('connect', () => {
    if (order.do === 'open') talk = setInterval(() => socket.write('.'), TALK_MS);
  });
  socket.on('error', (error) => ended(error.message));
  socket.on('close', () => clearInterval(talk));
  return () => {
    clearInterval(talk);
    socket.destroy();
  };
};

const overUdp: Overseer = (order, answered, ended) => {
  const socket = createSocket(order.source.includes(':') ? 'udp6' : 'udp4');
  const send = (): void => socket.send('.', order.port, order.destination, () => undefined);
  let talk: NodeJS.Timeout | undefined;
  socket.on('message', (message) => answered(message.toString()));
  socket.on('error', (error) => ended(error.message));
  socket.bind(0, order.source, () => {
    send();
    if (order.do === 'open') talk = setInterval(send, TALK_MS);
  });
  let closed = false;
  return () => {
    clearInterval(talk);
    if (!closed) socket.close();
    closed = true;
  };
};

const overIcmp: Overseer = (order, answered, ended) => {
  const seconds = String(Math.max(1, Math.ceil(order.timeoutMs / 1_000)));
  const child = spawn('ping', ['-n', '-q', '-c', '1', '-W', seconds, '-I', order.source, order.destination], {
    stdio: 'ignore',
  });
  child.on('error', (error) => ended(error.message));
  child.on('exit', (code) => (code === 0 ? answered('') : ended('no answer')));
  return () => void child.kill();
};
