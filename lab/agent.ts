/**
 * The lab's hands inside a namespace: a server that tells each client the source it sees, and a prober that sends as any pod. Both speak
 * one JSON object a line: orders on standard input, results on standard output; they end when their input ends.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';

export type Transport = 'tcp' | 'udp' | 'icmp';

export interface ListenOrder {
  readonly listen: readonly { readonly address: string; readonly port: number; readonly transport: 'tcp' | 'udp' }[];
}

/** Asks a server to say the number once it has answered all that had come before. */
export interface TurnOrder {
  readonly turn: number;
}

/**
 * `try`: one attempt. `open`: a connection (or datagram exchange) that keeps talking until `close`. `conclude`: what is quiet has got no answer,
 * unless one lies unread.
 */
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
  | { readonly id: number; readonly do: 'close' }
  | { readonly id: number; readonly do: 'conclude' };

/**
 * `at`: milliseconds of the machine's monotonic clock, comparable between processes. `quiet`: nothing came in its time, which alone proves nothing:
 * this process, or the one that should answer, may have been kept from running.
 */
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
  | { readonly id: number; readonly kind: 'quiet' }
  | { readonly id: number; readonly kind: 'reply'; readonly at: number }
  | { readonly id: number; readonly kind: 'ended'; readonly why: string; readonly at: number };

/** Milliseconds of the machine's monotonic clock: the same in every process. */
export const machineTime = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;
const now = machineTime;
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

/** How often an open exchange sends. */
const TALK_MS = 10;
/** In one turn libuv takes 32 datagrams from a socket: so many turns read whatever has come when the first begins. */
const TURNS = 20;

/** A ping ends when it is concluded that no answer comes; by itself, only if somebody forgot it. */
const PING_S = 60;
const LOOK_MS = 20;

/** Resolves when what had come before is read. */
async function turns(): Promise<void> {
  for (let n = 0; n < TURNS; n++) await turn();
}

/** Serves until standard input ends. The first line of input is the order; `{"ready":true}` is the answer once everything listens. */
export async function serve(): Promise<void> {
  const input = createInterface({ input: process.stdin });
  process.stdin.on('end', () => process.exit(0));
  for await (const line of input) {
    const order = JSON.parse(line) as ListenOrder | TurnOrder;
    if ('turn' in order) {
      await turns();
      say(order);
      continue;
    }
    await Promise.all(order.listen.map((place) => (place.transport === 'tcp' ? serveTcp(place) : serveUdp(place))));
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
  /** Ends of what is quiet. */
  const quiet = new Map<number, () => void>();
  const conclude = async (id: number): Promise<void> => {
    await turns();
    while (quiet.has(id) && pings.unread) await pause(LOOK_MS);
    quiet.get(id)?.();
    quiet.delete(id);
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as ProbeOrder;
    if (order.do === 'close') {
      open.get(order.id)?.();
      open.delete(order.id);
    } else if (order.do === 'conclude') void conclude(order.id);
    else {
      const stop = start(order, quiet);
      if (order.do === 'open') open.set(order.id, stop);
    }
  }
  process.exit(0);
}

type Attempt = Extract<ProbeOrder, { readonly do: 'try' | 'open' }>;

/** Starts an attempt; the returned function ends an open one. */
function start(order: Attempt, quiet: Map<number, () => void>): () => void {
  const startedAt = now();
  let decided = false;
  const decide = (passed: boolean, text: string): void => {
    if (decided) return;
    decided = true;
    const { id } = order;
    quiet.delete(id);
    say(
      passed
        ? { id, kind: 'passed', seen: text, at: now(), startedAt }
        : { id, kind: 'dropped', why: text, at: now(), startedAt },
    );
  };
  const timer = setTimeout(() => {
    quiet.set(order.id, () => {
      decide(false, 'no answer');
      if (order.do === 'try') stop();
    });
    say({ id: order.id, kind: 'quiet' });
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

/** The pings of this process, which may be kept from running like any other: what the kernel has for them is told by its counters. */
class Pings {
  #running = 0;
  #heard = 0;
  #repliesBefore = 0;

  began(): void {
    if (this.#running === 0) [this.#heard, this.#repliesBefore] = [0, echoReplies()];
    this.#running++;
  }

  ended(heard: boolean): void {
    this.#running--;
    if (heard) this.#heard++;
  }

  /** More replies came to this namespace than pings told of. */
  get unread(): boolean {
    return this.#running > 0 && echoReplies() - this.#repliesBefore > this.#heard;
  }
}

const pings = new Pings();

function echoReplies(): number {
  const [names = '', counts = ''] = readFileSync('/proc/self/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Icmp: '));
  const four = counts.split(' ')[names.split(' ').indexOf('InEchoReps')];
  const six = /^Icmp6InEchoReplies\s+(\d+)$/m.exec(readFileSync('/proc/self/net/snmp6', 'utf8'))?.[1];
  return Number(four) + Number(six);
}

const overIcmp: Overseer = (order, answered, ended) => {
  pings.began();
  const words = ['-n', '-q', '-c', '1', '-W', String(PING_S), '-I', order.source, order.destination];
  const child = spawn('ping', words, { stdio: 'ignore' });
  child.on('error', (error) => {
    pings.ended(false);
    ended(error.message);
  });
  child.on('exit', (code) => {
    pings.ended(code === 0);
    if (code === 0) answered('');
    else ended('no answer');
  });
  return () => void child.kill();
};
