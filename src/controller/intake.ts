import type { Clock } from '../base/clock.ts';
import type { Pieces } from '../base/pieces.ts';
import type { Delivery } from '../sources/source.ts';

/** So long is computed before the event loop gets its turn: a fifth of the longest stop that design section 12 allows. */
const TURN_MS = 10;

/** What is to be done with deliveries. Either is done in pieces, one after the other, never both at once. */
export interface Taking {
  /** Computes what follows from a delivery, and hands it on. `arrivedAt` (monotonic): when the first of what it holds came. */
  take(delivery: Delivery, arrivedAt: number): Pieces;
  /** Says what is wrong now; done when no delivery waits. */
  say(): Pieces;
}

/**
 * Deliveries on their way into the world. What can be computed in one turn of the event loop is computed at once; what takes longer goes on
 * turn by turn, while everything else in the process gets its own. Deliveries that come meanwhile wait, and are then taken as one.
 */
export class Intake {
  readonly #taking: Taking;
  readonly #clock: Clock;
  readonly #failed: (thrown: unknown) => void;
  #waiting: Delivery[] = [];
  /** When (monotonic) the first of them came. */
  #arrivedAt = 0;
  #toSay = false;
  #work: Pieces | undefined;
  #state: 'idle' | 'in a turn' | 'between turns' | 'closed' = 'idle';

  /** `failed`: the computation threw; nothing is taken afterwards. */
  constructor(taking: Taking, clock: Clock, failed: (thrown: unknown) => void) {
    this.#taking = taking;
    this.#clock = clock;
    this.#failed = failed;
  }

  take(delivery: Delivery): void {
    if (this.#waiting.length === 0) this.#arrivedAt = this.#clock.monotonic();
    this.#waiting.push(delivery);
    if (this.#state === 'idle') this.#turn();
  }

  /** What is wrong may have changed without a delivery. */
  say(): void {
    this.#toSay = true;
    if (this.#state === 'idle') this.#turn();
  }

  /** Whether something is computed, or waits to be. */
  get isBusy(): boolean {
    return this.#state === 'in a turn' || this.#state === 'between turns';
  }

  /** What is under way stays undone. */
  close(): void {
    this.#state = 'closed';
  }

  #turn(): void {
    this.#state = 'in a turn';
    const end = this.#clock.monotonic() + TURN_MS;
    try {
      while (this.#isOpen()) {
        this.#work ??= this.#next();
        if (this.#work === undefined) {
          this.#state = 'idle';
          return;
        }
        if (this.#work.next().done === true) this.#work = undefined;
        else if (this.#clock.monotonic() >= end) {
          this.#state = 'between turns';
          setImmediate(() => {
            if (this.#isOpen()) this.#turn();
          });
          return;
        }
      }
    } catch (thrown) {
      this.close();
      this.#failed(thrown);
    }
  }

  #isOpen(): boolean {
    return this.#state !== 'closed';
  }

  #next(): Pieces | undefined {
    const [first] = this.#waiting;
    if (first !== undefined) {
      const delivery = together(first, this.#waiting);
      this.#waiting = [];
      this.#toSay = true;
      return this.#taking.take(delivery, this.#arrivedAt);
    }
    if (!this.#toSay) return undefined;
    this.#toSay = false;
    return this.#taking.say();
  }
}

/** Deliveries in a row as one: all their changes in order, and the last word on everything else. */
function together(first: Delivery, deliveries: readonly Delivery[]): Delivery {
  const last = deliveries.at(-1) ?? first;
  return deliveries.length === 1 ? first : { ...last, changes: deliveries.flatMap(({ changes }) => changes) };
}
