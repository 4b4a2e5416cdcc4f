import { formatError, putId, question, refusal, truncated } from '../../../machine/dns/compose.ts';
import { type GivenAddress, type Lesson, lessonOf, MOST_ALIASES } from '../../../machine/dns/learning.ts';
import { type DnsMessage, PLAIN_UDP_BYTES, RCODE, readMessage, TYPE } from '../../../machine/dns/message.ts';
import type { Upstream } from './upstream.ts';

/** Questions that are not answered yet, of all clients, and of one: often that is the cluster's own resolver. */
const MOST_OUTSTANDING = 10_000;
const MOST_OF_A_CLIENT = 4_000;

/** Hears the answer to a client, once. `undefined`: nothing is said. */
export type Reply = (answer: Buffer | undefined) => void;

/** Takes what was learnt. `undefined`: it is in force; else it is when this resolves. */
export type Learn = (names: readonly string[], addresses: readonly GivenAddress[]) => Promise<void> | undefined;

/** How often the proxy did what. */
export interface ProxyCounts {
  answered: number;
  /** Of these, answers that waited for the kernel. */
  held: number;
  /** No answer of the resolver came. */
  unanswered: number;
  /** What was learnt could not be brought into the kernel. */
  refused: number;
  /** A client asked too much at once. */
  limited: number;
  /** The resolver did not answer, a client or us. */
  upstreamFailures: number;
}

/** Who waits for answers. */
interface Client {
  readonly address: string;
  questions: number;
}

/** A question that was passed on. */
interface Passed {
  readonly query: DnsMessage;
  readonly over: 'udp' | 'tcp';
  readonly client: Client;
  readonly reply: Reply;
}

/**
 * Passes questions on and answers back, and holds each answer until the addresses in it are let through: whoever connects on the strength of
 * an answer finds the way open. Everything else in a message stays as it came.
 * An answer that teaches nothing new goes its way in one call: a promise at each step would cost more than reading it.
 */
export class DnsProxy {
  readonly counts: ProxyCounts = { answered: 0, held: 0, unanswered: 0, refused: 0, limited: 0, upstreamFailures: 0 };
  readonly #upstream: () => Upstream;
  readonly #learn: Learn;
  readonly #refused: (thrown: unknown) => void;
  readonly #clients = new Map<string, Client>();
  #outstanding = 0;

  constructor(options: {
    readonly upstream: () => Upstream;
    readonly learn: Learn;
    /** Hears why what an answer taught is not in force. It happens as often as anybody asks. */
    readonly refused: (thrown: unknown) => void;
  }) {
    this.#upstream = options.upstream;
    this.#learn = options.learn;
    this.#refused = options.refused;
  }

  /** Answers a client's question, at once or later. Its octets are ours from now on. Never throws. */
  answer(bytes: Buffer, address: string, over: 'udp' | 'tcp', reply: Reply): void {
    const query = readMessage(bytes);
    if (query === undefined) return reply(formatError(bytes));
    if (query.isAnswer) return reply(undefined);
    if (query.opcode !== 0) return reply(refusal(query, RCODE.notImplemented));
    if (query.answers.length + query.authorities.length > 0) return reply(refusal(query, RCODE.formatError));
    const { type } = query.question;
    // Zones are no business of a cluster's clients, and come in many messages.
    if (type === TYPE.axfr || type === TYPE.ixfr) return reply(refusal(query, RCODE.refused));
    const client = this.#clients.get(address) ?? { address, questions: 0 };
    if (this.#outstanding >= MOST_OUTSTANDING || client.questions >= MOST_OF_A_CLIENT) {
      this.counts.limited++;
      return reply(refusal(query, RCODE.refused));
    }
    this.#outstanding++;
    if (client.questions++ === 0) this.#clients.set(address, client);
    const passed: Passed = { query, over, client, reply };
    this.#upstream()[over](query, (answer) => this.#answered(passed, answer));
  }

  /**
   * Asks for a name ourselves, and learns; nobody waits for that to be in force. `undefined`: there was no answer. The shortest time to live of its
   * addresses, in seconds; 0 without any. Never rejects.
   */
  async lookUp(name: string, type: number): Promise<number | undefined> {
    const answer = await this.#ask(name, type);
    if (answer === undefined) return undefined;
    const { names, addresses } = await this.#lesson(answer);
    this.#learn(names, addresses)?.catch(this.#refused);
    return addresses.length === 0 ? 0 : Math.min(...addresses.map(({ ttl }) => ttl));
  }

  /** The resolver has answered, or has not. */
  #answered(passed: Passed, answer: DnsMessage | undefined): void {
    if (answer === undefined) {
      this.counts.unanswered++;
      this.counts.upstreamFailures++;
      this.#end(passed, refusal(passed.query, RCODE.refused));
      return;
    }
    const lesson = this.#lesson(answer);
    if (lesson instanceof Promise)
      lesson.then(
        (whole) => this.#taught(passed, answer, whole),
        (thrown: unknown) => this.#failed(passed, thrown),
      );
    else this.#taught(passed, answer, lesson);
  }

  /** The client hears when what the answer teaches is in force. */
  #taught(passed: Passed, answer: DnsMessage, { names, addresses }: Lesson): void {
    let done: Promise<void> | undefined;
    try {
      done = this.#learn(names, addresses);
    } catch (thrown) {
      this.#failed(passed, thrown);
      return;
    }
    if (done === undefined) {
      this.#told(passed, answer);
      return;
    }
    this.counts.held++;
    done.then(
      () => this.#told(passed, answer),
      (thrown: unknown) => this.#failed(passed, thrown),
    );
  }

  #told(passed: Passed, answer: DnsMessage): void {
    this.counts.answered++;
    const { query, over } = passed;
    const most = over === 'tcp' ? Number.POSITIVE_INFINITY : Math.max(PLAIN_UDP_BYTES, query.udpBytes ?? 0);
    this.#end(passed, putId(answer.bytes.length > most ? truncated(answer) : answer.bytes, query.id));
  }

  /** An answer that leads to a closed door would be kept by the client for its whole time to live. */
  #failed(passed: Passed, thrown: unknown): void {
    this.counts.refused++;
    this.#refused(thrown);
    this.#end(passed, refusal(passed.query, RCODE.refused));
  }

  #end({ client, reply }: Passed, answer: Buffer): void {
    this.#outstanding--;
    if (--client.questions === 0) this.#clients.delete(client.address);
    reply(answer);
  }

  #lesson(answer: DnsMessage): Lesson | Promise<Lesson> {
    const lesson = lessonOf(answer);
    return lesson.open === undefined ? lesson : this.#followed(lesson, answer.question.type);
  }

  /** Goes on where the answer stopped on the way to addresses. */
  async #followed(first: Lesson, type: number): Promise<Lesson> {
    const names = [...first.names];
    let open = first.open;
    while (open !== undefined && names.length <= MOST_ALIASES && (type === TYPE.a || type === TYPE.aaaa)) {
      const answer = await this.#ask(open, type);
      const next = answer && lessonOf(answer);
      if (next === undefined) break;
      names.push(...next.names.filter((name) => !names.includes(name)));
      if (next.addresses.length > 0) return { names, addresses: next.addresses, open: undefined };
      open = next.open;
    }
    return { names, addresses: [], open: undefined };
  }

  /** Our own question: over TCP where the answer is too long for a datagram. */
  async #ask(name: string, type: number): Promise<DnsMessage | undefined> {
    const bytes = question(0, name, type);
    const query = bytes && readMessage(bytes);
    if (query === undefined) return undefined;
    const upstream = this.#upstream();
    const asked = (over: 'udp' | 'tcp'): Promise<DnsMessage | undefined> =>
      new Promise((resolve) => upstream[over](query, resolve));
    const answer = await asked('udp');
    const whole = answer?.isTruncated === true ? await asked('tcp') : answer;
    if (whole === undefined) this.counts.upstreamFailures++;
    return whole;
  }
}
