import type { Clock } from '../../src/base/clock.ts';
import type { Flow, Passage } from './packet.ts';
import { protocolNumber } from './service-match.ts';

/** A flow that the device let through and remembers. */
export interface Session {
  readonly id: number;
  readonly vdom: string;
  readonly flow: Flow;
  readonly protocol: number;
  readonly passage: Passage;
  /** Wall time in milliseconds. */
  readonly since: number;
}

/** What a policy, or a rule of central SNAT, has seen. Times in seconds since the epoch; 0: never. */
export interface Counter {
  hits: number;
  packets: number;
  bytes: number;
  first: number;
  last: number;
}

const NONE: Counter = { hits: 0, packets: 0, bytes: 0, first: 0, last: 0 };

/** Sessions and counters; a boot loses both. */
export class Sessions {
  readonly #clock: Clock;
  readonly #open = new Map<string, Session>();
  readonly #counters = new Map<string, Counter>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The one that a packet belongs to, there or back. */
  find(vdom: string, flow: Flow): Session | undefined {
    const back: Flow = {
      ...flow,
      source: flow.destination,
      destination: flow.source,
      ...(flow.destinationPort === undefined ? {} : { sourcePort: flow.destinationPort }),
      ...(flow.sourcePort === undefined ? {} : { destinationPort: flow.sourcePort }),
    };
    return this.#open.get(keyOf(vdom, flow)) ?? this.#open.get(keyOf(vdom, back));
  }

  open(vdom: string, flow: Flow, passage: Passage): void {
    this.#last += 1;
    const protocol = protocolNumber(flow.protocol) ?? 0;
    this.#open.set(keyOf(vdom, flow), { id: this.#last, vdom, flow, protocol, passage, since: this.#clock.wall() });
  }

  count(vdom: string, table: string, id: number, bytes: number, isFirst: boolean): void {
    const key = `${vdom} ${table} ${id}`;
    const before = this.#counters.get(key) ?? { ...NONE };
    const now = Math.floor(this.#clock.wall() / 1_000);
    before.hits += isFirst ? 1 : 0;
    before.packets += 1;
    before.bytes += bytes;
    before.first ||= now;
    before.last = now;
    this.#counters.set(key, before);
  }

  counter(vdom: string, table: string, id: number): Readonly<Counter> {
    return this.#counters.get(`${vdom} ${table} ${id}`) ?? NONE;
  }

  list(vdom: string): readonly Session[] {
    return [...this.#open.values()].filter((one) => one.vdom === vdom);
  }

  /** Ends those that match; gives how many there were. */
  end(vdom: string, matches: (session: Session) => boolean): number {
    let ended = 0;
    for (const [key, session] of this.#open) {
      if (session.vdom !== vdom || !matches(session)) continue;
      this.#open.delete(key);
      ended += 1;
    }
    return ended;
  }

  boot(): void {
    this.#open.clear();
    this.#counters.clear();
  }
}

const keyOf = (vdom: string, { source, destination, protocol, sourcePort = 0, destinationPort = 0 }: Flow): string =>
  [vdom, protocolNumber(protocol), source, sourcePort, destination, destinationPort].join(' ');
