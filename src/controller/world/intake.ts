import { type ResourceKey, resourceKey } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import type { Pieces } from '../../base/pieces.ts';
import type { Delivery, ResourceChange } from '../../sources/source.ts';

/** So long is computed before the event loop gets its turn: a fifth of the longest stop that design section 12 allows. */
const TURN_MS = 10;

/** What is to be done with deliveries. Each is done in pieces; `take` and `say` one after the other, never both at once. */
export interface Taking {
  /** Computes what follows from a delivery, and hands it on. `arrivedAt` (monotonic): when the first of what it holds came. */
  take(delivery: Delivery, arrivedAt: number): Pieces;
  /**
   * Hands on what cannot wait of a delivery that takes longer than a turn (`under way`), or came while something was computed. Done between
   * two pieces of that.
   */
  hurry(delivery: Delivery, part: 'under way' | 'waiting'): Pieces;
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
  readonly #waiting = new Waiting();
  /** When (monotonic) the first of them came. */
  #arrivedAt = 0;
  #toSay = false;
  #work: Pieces | undefined;
  /** The delivery that `#work` began with in this turn; what is under way and takes longer; what came behind it. Nothing was hurried of them. */
  #fresh: Delivery | undefined;
  #late: Delivery | undefined;
  readonly #unhurried = new Waiting();
  #hurry: Pieces | undefined;
  /** Milliseconds that were taken for what came behind a computation and went ahead of it, less those that this had since then. */
  #ahead = 0;
  /** What is hurried came behind the computation; else it is a part of it, which is hurried once. */
  #isFromBehind = false;
  /** The last piece counts as one that went ahead. */
  #counts = false;
  #state: 'idle' | 'in a turn' | 'between turns' | 'closed' = 'idle';

  /** `failed`: the computation threw; nothing is taken afterwards. */
  constructor(taking: Taking, clock: Clock, failed: (thrown: unknown) => void) {
    this.#taking = taking;
    this.#clock = clock;
    this.#failed = failed;
  }

  take(delivery: Delivery): void {
    if (this.#waiting.isEmpty) this.#arrivedAt = this.#clock.monotonic();
    this.#waiting.add(delivery);
    if (this.#state === 'idle') {
      this.#fresh = delivery;
      this.#turn();
    } else if (this.#isOpen()) this.#unhurried.add(delivery);
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
    let now = this.#clock.monotonic();
    const end = now + TURN_MS;
    try {
      while (this.#isOpen()) {
        if (this.#piece()) {
          this.#state = 'idle';
          this.#ahead = 0;
          return;
        }
        const began = now;
        now = this.#clock.monotonic();
        this.#ahead = Math.max(0, this.#ahead + (this.#counts ? now - began : began - now));
        if (this.#isUnderWay() && now >= end) {
          this.#late ??= this.#fresh;
          this.#fresh = undefined;
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

  /**
   * One piece of what comes first. True: there is nothing to do. What cannot wait goes first; but once some of what came behind a computation
   * went ahead of it, that goes on for as long before more does: else a stream of it would keep all else from ever being known.
   */
  #piece(): boolean {
    this.#hurry ??= this.#nextHurry();
    this.#counts = this.#hurry !== undefined && this.#isFromBehind;
    if (this.#hurry !== undefined) {
      if (this.#hurry.next().done === true) this.#hurry = undefined;
      return false;
    }
    this.#work ??= this.#next();
    if (this.#work === undefined) return true;
    if (this.#work.next().done === true) {
      this.#work = undefined;
      this.#fresh = undefined;
      this.#late = undefined;
    }
    return false;
  }

  #isUnderWay(): boolean {
    return this.#work !== undefined || this.#hurry !== undefined || !this.#unhurried.isEmpty;
  }

  #nextHurry(): Pieces | undefined {
    const late = this.#late;
    this.#late = undefined;
    this.#isFromBehind = late === undefined;
    if (late !== undefined) return this.#taking.hurry(late, 'under way');
    if (this.#ahead > 0) return undefined;
    const delivery = this.#unhurried.take();
    return delivery && this.#taking.hurry(delivery, 'waiting');
  }

  #isOpen(): boolean {
    return this.#state !== 'closed';
  }

  #next(): Pieces | undefined {
    const delivery = this.#waiting.take();
    if (delivery !== undefined) {
      this.#toSay = true;
      // What was not hurried while it waited is a part of this one from now on.
      this.#late = this.#unhurried.take();
      return this.#taking.take(delivery, this.#arrivedAt);
    }
    if (!this.#toSay) return undefined;
    this.#toSay = false;
    return this.#taking.say();
  }
}

/** So many changes wait before those of one object become one. */
const MANY = 10_000;

/**
 * Deliveries that wait, as one: all their changes in order, and the last word on everything else. What is kept does not grow with how
 * often an object changed meanwhile: its last change is worth all of them.
 */
class Waiting {
  #last: Delivery | undefined;
  #changes: ResourceChange[] = [];
  #limit = MANY;

  get isEmpty(): boolean {
    return this.#last === undefined;
  }

  add(delivery: Delivery): void {
    if (this.#last === undefined) this.#changes = [...delivery.changes];
    else for (const change of delivery.changes) this.#changes.push(change);
    this.#last = delivery;
    if (this.#changes.length < this.#limit) return;
    this.#changes = lastOfEach(this.#changes);
    // Where all of them are needed, looking again at once would find nothing.
    this.#limit = Math.max(MANY, 2 * this.#changes.length);
  }

  /** All of it; nothing waits afterwards. */
  take(): Delivery | undefined {
    if (this.#last === undefined) return undefined;
    const delivery = { ...this.#last, changes: this.#changes };
    this.#last = undefined;
    this.#changes = [];
    this.#limit = MANY;
    return delivery;
  }
}

/** The last change of each object, in the order in which they came last. */
function lastOfEach(changes: readonly ResourceChange[]): ResourceChange[] {
  const last = new Map<ResourceKey, ResourceChange>();
  for (const change of changes) {
    const key = change.kind === 'put' ? resourceKey(change.resource) : change.key;
    last.delete(key);
    last.set(key, change);
  }
  return [...last.values()];
}
