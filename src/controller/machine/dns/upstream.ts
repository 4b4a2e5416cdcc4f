import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { type DnsMessage, type Question, readMessage } from '../../../machine/dns/message.ts';
import { withId } from '../../../machine/dns/compose.ts';
import { MessageReader, framed } from './tcp-messages.ts';

/** Where questions go. */
export interface Resolver {
  readonly address: string;
  readonly port: number;
}

/** How long an answer may take, as today (reference 5). */
const ANSWER_MS = 10_000;
/** How much longer it may take until that is seen. */
const LOOK_MS = 250;
/** Ports that questions leave from at any time, each chosen by the kernel at random. */
const SOCKETS = 32;
/** A port is used for so many questions and then given up: who finds it out has little of it. */
const QUESTIONS_PER_SOCKET = 500;

/** A question under way. */
interface Waiting {
  readonly query: DnsMessage;
  /** Until when it waits, monotonic. */
  readonly until: number;
  readonly resolve: (answer: DnsMessage | undefined) => void;
}

interface AskingSocket {
  readonly socket: Socket;
  /** By id; who has waited longest stands first. */
  readonly waiting: Map<number, Waiting>;
  left: number;
}

/**
 * Asks one resolver. A forged answer has to hit port and id of its question, both random, come from the resolver's address and port, and repeat the
 * question; whatever does not is not looked at. `undefined` is no answer: for want of one in time, or because of one that cannot be read over TCP.
 */
export class Upstream {
  readonly resolver: Resolver;
  readonly #clock: Clock;
  readonly #sockets: (AskingSocket | undefined)[] = [];
  readonly #open = new Set<AskingSocket>();
  /** The next look for those who have waited too long; nobody waits without one. */
  #look: (() => void) | undefined;
  #stopped = false;

  constructor(resolver: Resolver, clock: Clock = systemClock) {
    this.resolver = resolver;
    this.#clock = clock;
  }

  /** Over UDP. The answer's octets are as they came, but for the id, which is the question's. */
  udp(query: DnsMessage): Promise<DnsMessage | undefined> {
    const place = randomInt(SOCKETS);
    const there = this.#sockets[place];
    if (there !== undefined && there.left > 0) return this.#asked(there, query);
    return this.#socket(place).then((from) => (from === undefined ? undefined : this.#asked(from, query)));
  }

  #asked(from: AskingSocket, query: DnsMessage): Promise<DnsMessage | undefined> {
    if (!this.#open.has(from)) return Promise.resolve(undefined);
    const { waiting, socket } = from;
    let id = randomInt(65_536);
    while (waiting.has(id)) id = (id + 1) & 0xffff;
    from.left--;
    return new Promise((resolve) => {
      waiting.set(id, { query, until: this.#clock.monotonic() + ANSWER_MS, resolve });
      this.#watch();
      const bytes = withId(query.bytes, id);
      // An error that the kernel has kept for the socket takes the place of one sending.
      socket.send(bytes, (error) => {
        if (error !== null && waiting.has(id)) socket.send(bytes, () => {});
      });
    });
  }

  /** Over a connection of its own. */
  tcp(query: DnsMessage): Promise<DnsMessage | undefined> {
    return new Promise((resolve) => {
      const { address, port } = this.resolver;
      const socket = connect({ host: address, port });
      const id = randomInt(65_536);
      const reader = new MessageReader();
      const settle = (answer: DnsMessage | undefined): void => {
        cancel();
        socket.destroy();
        resolve(answer);
      };
      const cancel = this.#clock.after(ANSWER_MS, () => settle(undefined));
      socket.on('connect', () => socket.write(framed(withId(query.bytes, id))));
      socket.on('data', (chunk) => {
        const [first] = reader.take(chunk);
        if (first === undefined) return;
        const answer = readMessage(first);
        settle(answer?.id === id && answers(answer, query.question) ? answer : undefined);
      });
      socket.on('error', () => settle(undefined));
      socket.on('close', () => settle(undefined));
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const each of this.#open) {
      each.socket.close();
      for (const { resolve } of each.waiting.values()) resolve(undefined);
      each.waiting.clear();
    }
    this.#look?.();
    this.#open.clear();
    this.#sockets.length = 0;
  }

  async #socket(place: number): Promise<AskingSocket | undefined> {
    if (this.#stopped) return undefined;
    const there = this.#sockets[place];
    if (there !== undefined && there.left > 0) return there;
    const fresh = await this.#opened();
    if (fresh === undefined) return there;
    // Somebody else may have been quicker.
    const now = this.#sockets[place];
    if (now !== undefined && now !== there && now.left > 0) {
      this.#close(fresh);
      return now;
    }
    this.#sockets[place] = fresh;
    return fresh;
  }

  #opened(): Promise<AskingSocket | undefined> {
    const { address, port } = this.resolver;
    const family = address.includes(':') ? 6 : 4;
    return new Promise((resolve) => {
      const socket = createSocket({
        type: family === 6 ? 'udp6' : 'udp4',
        lookup: (name, _, callback) => callback(null, name, family),
      });
      const asking: AskingSocket = { socket, waiting: new Map(), left: QUESTIONS_PER_SOCKET };
      // Somebody on the way may claim that the resolver is not there; its answer decides, or its silence.
      socket.on('error', () => resolve(undefined));
      socket.on('message', (bytes) => this.#hear(asking, bytes));
      // The kernel then takes nothing from any other address or port.
      socket.connect(port, address, (error?: Error) => {
        // With an error there is no way to it, and sending would throw.
        const isUsable = !this.#stopped && !(error instanceof Error);
        if (isUsable) this.#open.add(asking);
        else socket.close();
        resolve(isUsable ? asking : undefined);
      });
    });
  }

  #hear(from: AskingSocket, bytes: Buffer): void {
    if (bytes.length < 2) return;
    const id = bytes.readUInt16BE(0);
    const waiting = from.waiting.get(id);
    if (waiting === undefined) return;
    const answer = readMessage(bytes, waiting.query);
    if (answer !== undefined && answers(answer, waiting.query.question)) this.#settle(from, id, waiting, answer);
  }

  #settle(from: AskingSocket, id: number, { resolve }: Waiting, answer: DnsMessage | undefined): void {
    from.waiting.delete(id);
    if (from.left <= 0 && from.waiting.size === 0) this.#close(from);
    resolve(answer);
  }

  /** Looks now and then who has waited too long, while anybody waits: a timer for each question would cost as much as sending it. */
  #watch(): void {
    this.#look ??= this.#clock.after(LOOK_MS, () => {
      this.#look = undefined;
      const now = this.#clock.monotonic();
      for (const from of this.#open)
        for (const [id, waiting] of from.waiting) {
          if (waiting.until > now) break;
          this.#settle(from, id, waiting, undefined);
        }
      if ([...this.#open].some(({ waiting }) => waiting.size > 0)) this.#watch();
    });
  }

  #close(asking: AskingSocket): void {
    if (this.#open.delete(asking)) asking.socket.close();
  }
}

function answers(message: DnsMessage, { name, type, class: asked }: Question): boolean {
  const { question } = message;
  return message.isAnswer && question.name === name && question.type === type && question.class === asked;
}
