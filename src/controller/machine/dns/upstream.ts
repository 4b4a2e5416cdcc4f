import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { type DnsMessage, type Question, readMessage } from '../../../machine/dns/message.ts';
import { putId } from '../../../machine/dns/compose.ts';
import { MessageReader, framed } from './tcp-messages.ts';

/** Where questions go. */
export interface Resolver {
  readonly address: string;
  readonly port: number;
}

/** How long an answer may take, as today (reference 5). */
const ANSWER_MS = 10_000;
/** A question without an answer is sent once more after so long: datagrams are lost, and clients ask again much later. */
const AGAIN_MS = 1_000;
/** How much longer either may take until that is seen. */
const LOOK_MS = 250;
/** Ports that questions leave from at any time, each chosen by the kernel at random. */
const SOCKETS = 32;
/** A port is used for so many questions and then given up: who finds it out has little of it. */
const QUESTIONS_PER_SOCKET = 500;

/** Hears the answer, once; `undefined`: there is none. */
export type Heard = (answer: DnsMessage | undefined) => void;

/** A question under way. */
interface Waiting {
  readonly query: DnsMessage;
  /** When it was asked, monotonic. */
  readonly since: number;
  isRepeated: boolean;
  readonly heard: Heard;
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

  /** Over UDP. Another id is written over the question's own; the answer's octets are as they came. */
  udp(query: DnsMessage, heard: Heard): void {
    const place = randomInt(SOCKETS);
    const there = this.#sockets[place];
    if (there !== undefined && there.left > 0) {
      this.#asked(there, query, heard);
      return;
    }
    this.#socket(place).then(
      (from) => (from === undefined ? heard(undefined) : this.#asked(from, query, heard)),
      () => heard(undefined),
    );
  }

  #asked(from: AskingSocket, query: DnsMessage, heard: Heard): void {
    if (!this.#open.has(from)) {
      heard(undefined);
      return;
    }
    const { waiting } = from;
    let id = randomInt(65_536);
    while (waiting.has(id)) id = (id + 1) & 0xffff;
    from.left--;
    waiting.set(id, { query, since: this.#clock.monotonic(), isRepeated: false, heard });
    this.#watch();
    // Nobody hears whether it could be sent: to be told costs more than sending it. What was not is sent again, as what was lost.
    from.socket.send(putId(query.bytes, id));
  }

  /** Over a connection of its own; otherwise as over UDP. */
  tcp(query: DnsMessage, heard: Heard): void {
    const { address, port } = this.resolver;
    const socket = connect({ host: address, port });
    const id = randomInt(65_536);
    const reader = new MessageReader();
    let isSettled = false;
    const settle = (answer: DnsMessage | undefined): void => {
      if (isSettled) return;
      isSettled = true;
      cancel();
      socket.destroy();
      heard(answer);
    };
    const cancel = this.#clock.after(ANSWER_MS, () => settle(undefined));
    socket.on('connect', () => socket.write(framed(putId(query.bytes, id))));
    socket.on('data', (chunk) => {
      const [first] = reader.take(chunk);
      if (first === undefined) return;
      const answer = readMessage(first);
      settle(answer?.id === id && answers(answer, query.question) ? answer : undefined);
    });
    socket.on('error', () => settle(undefined));
    socket.on('close', () => settle(undefined));
  }

  stop(): void {
    this.#stopped = true;
    for (const each of this.#open) {
      each.socket.close();
      const waiting = [...each.waiting.values()];
      each.waiting.clear();
      for (const { heard } of waiting) heard(undefined);
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

  #settle(from: AskingSocket, id: number, { heard }: Waiting, answer: DnsMessage | undefined): void {
    from.waiting.delete(id);
    if (from.left <= 0 && from.waiting.size === 0) this.#close(from);
    heard(answer);
  }

  /** Looks now and then who has waited long, or too long, while anybody waits: a timer for each question would cost as much as sending it. */
  #watch(): void {
    this.#look ??= this.#clock.after(LOOK_MS, () => {
      this.#look = undefined;
      const now = this.#clock.monotonic();
      for (const from of this.#open)
        for (const [id, waiting] of from.waiting) {
          const waits = now - waiting.since;
          if (waits < AGAIN_MS) break;
          if (waits >= ANSWER_MS) this.#settle(from, id, waiting, undefined);
          else if (!waiting.isRepeated) {
            waiting.isRepeated = true;
            from.socket.send(putId(waiting.query.bytes, id));
          }
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
