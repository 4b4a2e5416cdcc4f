import { formatError, question, refusal, truncated, withId } from '../../../machine/dns/compose.ts';
import { type GivenAddress, type Lesson, lessonOf, MOST_ALIASES } from '../../../machine/dns/learning.ts';
import { type DnsMessage, PLAIN_UDP_BYTES, RCODE, readMessage, TYPE } from '../../../machine/dns/message.ts';
import type { Upstream } from './upstream.ts';

/** Questions that are not answered yet, of all clients, and of one: often that is the cluster's own resolver. */
const MOST_OUTSTANDING = 10_000;
const MOST_OF_A_CLIENT = 4_000;

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

/**
 * Passes questions on and answers back, and holds each answer until the addresses in it are let through: whoever connects on the strength of
 * an answer finds the way open. Everything else in a message stays as it came.
 */
export class DnsProxy {
  readonly counts: ProxyCounts = { answered: 0, held: 0, unanswered: 0, refused: 0, limited: 0, upstreamFailures: 0 };
  readonly #upstream: () => Upstream;
  readonly #learn: Learn;
  readonly #refused: (thrown: unknown) => void;
  readonly #ofClient = new Map<string, number>();
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

  /** The answer to a client's question; `undefined`: what it sent is no question. Never rejects. */
  async answer(bytes: Buffer, client: string, over: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    const query = readMessage(bytes);
    if (query === undefined) return formatError(bytes);
    if (query.isAnswer) return undefined;
    if (query.opcode !== 0) return refusal(query, RCODE.notImplemented);
    if (query.answers.length + query.authorities.length > 0) return refusal(query, RCODE.formatError);
    const { type } = query.question;
    // Zones are no business of a cluster's clients, and come in many messages.
    if (type === TYPE.axfr || type === TYPE.ixfr) return refusal(query, RCODE.refused);
    const ofClient = this.#ofClient.get(client) ?? 0;
    if (this.#outstanding >= MOST_OUTSTANDING || ofClient >= MOST_OF_A_CLIENT) {
      this.counts.limited++;
      return refusal(query, RCODE.refused);
    }
    this.#outstanding++;
    this.#ofClient.set(client, ofClient + 1);
    try {
      return await this.#passed(query, over);
    } finally {
      this.#outstanding--;
      const left = (this.#ofClient.get(client) ?? 1) - 1;
      if (left === 0) this.#ofClient.delete(client);
      else this.#ofClient.set(client, left);
    }
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

  async #passed(query: DnsMessage, over: 'udp' | 'tcp'): Promise<Buffer> {
    const upstream = this.#upstream();
    const answer = over === 'udp' ? await upstream.udp(query) : await upstream.tcp(query);
    if (answer === undefined) {
      this.counts.unanswered++;
      this.counts.upstreamFailures++;
      return refusal(query, RCODE.refused);
    }
    try {
      const first = lessonOf(answer);
      const { names, addresses } = first.open === undefined ? first : await this.#followed(first, query.question.type);
      const done = this.#learn(names, addresses);
      if (done !== undefined) {
        this.counts.held++;
        await done;
      }
    } catch (thrown) {
      // An answer that leads to a closed door would be kept by the client for its whole time to live.
      this.counts.refused++;
      this.#refused(thrown);
      return refusal(query, RCODE.refused);
    }
    this.counts.answered++;
    const most = over === 'tcp' ? Number.POSITIVE_INFINITY : Math.max(PLAIN_UDP_BYTES, query.udpBytes ?? 0);
    return withId(answer.bytes.length > most ? truncated(answer) : answer.bytes, query.id);
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
    const answer = await upstream.udp(query);
    const whole = answer?.isTruncated === true ? await upstream.tcp(query) : answer;
    if (whole === undefined) this.counts.upstreamFailures++;
    return whole;
  }
}
