import type { Clock } from '../../base/clock.ts';
import type { Commit, ElementEvent } from '../../firewalls/nftables/reading/monitor-lines.ts';
import type { Transport } from '../../firewalls/nftables/reach/transport.ts';
import type { ElementChange } from './plain-sets.ts';

/** What ended so long ago, and was not told of, changed nothing, and so will never be told of. */
const TOLD_WITHIN_MS = 5_000;

/** A transaction of ours of which nobody was told yet. */
interface Expected {
  /** Its elements, where it is about these alone. */
  readonly elements: string | undefined;
  /** Monotonic; `undefined`: it is under way. */
  ended: number | undefined;
}

/** Who listens to the kernel, and can be asked not to. */
export interface Listener {
  pause(): Promise<void>;
  /** What happened meanwhile is not known to him. */
  resume(): void;
}

/**
 * Tells transactions of ours, as `nft monitor` tells of them, from those of others: by their elements, or by how many there are. The process that
 * nft names does not tell, as its number is that of the first process namespace. Of one of others beside one of ours either may be
 * taken for ours, but not both.
 */
export class OwnWrites {
  readonly #clock: Clock;
  #expected: Expected[] = [];
  /** Listens to the kernel. */
  listener: Listener | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The transport, with the transactions that go through it as files. */
  around(transport: Transport): Transport {
    return {
      name: transport.name,
      run: (...words) => transport.run(...words),
      start: (...words) => transport.start(...words),
      runWithFile: async (program, args, ...rest) => {
        if (args.includes('-c')) return transport.runWithFile(program, args, ...rest);
        const expected = this.#expect(undefined);
        try {
          const outcome = await transport.runWithFile(program, args, ...rest);
          this.#settle(expected, outcome.code === 0);
          return outcome;
        } catch (thrown) {
          this.#settle(expected, false);
          throw thrown;
        }
      },
    };
  }

  /** One transaction that changes these elements and nothing else. */
  async changing(elements: readonly ElementChange[], transaction: () => Promise<void>): Promise<void> {
    const expected = this.#expect(keyOf(elements.map(({ change, set, element }) => ({ change, name: set, element }))));
    try {
      await transaction();
      this.#settle(expected, true);
    } catch (thrown) {
      this.#settle(expected, false);
      throw thrown;
    }
  }

  /** A transaction that, where it is large, would be more than who listens can take: he does not, until it is over. */
  async flooding<T>(isLarge: boolean, transaction: () => Promise<T>): Promise<T> {
    const { listener } = this;
    if (!isLarge || listener === undefined) return transaction();
    await listener.pause();
    try {
      return await transaction();
    } finally {
      listener.resume();
    }
  }

  /** Whether a transaction is one of ours; it is expected no more. */
  takes({ elements, others }: Commit): boolean {
    this.#forgetOlder(this.#clock.monotonic() - TOLD_WITHIN_MS);
    const isElements = elements.length > 0 && others.every((line) => line.startsWith('add set '));
    const key = isElements ? keyOf(elements) : undefined;
    const exact = this.#expected.findIndex((each) => each.elements === key);
    const at = exact < 0 && isElements ? this.#expected.findIndex((each) => each.elements === undefined) : exact;
    if (at < 0) return false;
    this.#expected.splice(at, 1);
    return true;
  }

  /** Nobody will be told of what ended before now. */
  forget(): void {
    this.#forgetOlder(Number.POSITIVE_INFINITY);
  }

  #expect(elements: string | undefined): Expected {
    this.#forgetOlder(this.#clock.monotonic() - TOLD_WITHIN_MS);
    const expected: Expected = { elements, ended: undefined };
    this.#expected.push(expected);
    return expected;
  }

  #settle(expected: Expected, isCommitted: boolean): void {
    if (isCommitted) expected.ended = this.#clock.monotonic();
    else this.#expected = this.#expected.filter((each) => each !== expected);
  }

  #forgetOlder(time: number): void {
    const [first] = this.#expected;
    if (first?.ended === undefined || first.ended > time) return;
    this.#expected = this.#expected.filter(({ ended }) => ended === undefined || ended > time);
  }
}

function keyOf(elements: readonly ElementEvent[]): string {
  const words = elements.map(({ change, name, element }) => `${change} ${name} ${element}`);
  return (words.length > 1 ? words.toSorted() : words).join('\n');
}
