import type { Clock } from '../../../base/clock.ts';
import type { Pieces } from '../../../base/pieces.ts';
import type { Family } from '../../../ip/address.ts';
import type { GivenAddress } from '../../../machine/dns/learning.ts';
import type { NameBook } from '../../../machine/dns/name-book.ts';
import type { DomainSet } from '../../../machine/rules/domain-sets.ts';
import type { KernelTable } from '../kernel-table.ts';
import type { ElementChange } from '../plain-sets.ts';

/** How long a change waits for others that go with it: a transaction costs nft more than the elements in it. */
const BATCH_MS = 4;
/** Elements that one transaction takes: so many are a line of the shell of nft, and whoever waits for additions waits for no program to start. */
const MOST_AT_ONCE = 40;
/** How long an answer is held until a name has its first set. */
export const RULES_MS = 5_000;

/** A name has no set in the rules in force yet, and whoever waited for that waits no longer. */
export class RulesNotYet extends Error {}

/** Changes of elements that go together. */
interface Batch {
  /** When (monotonic) it began. */
  readonly since: number;
  /** It has gathered long enough. */
  isDue: boolean;
  /** By set and element. */
  readonly changes: Map<string, ElementChange>;
  /** Some of them are removals. */
  removes: boolean;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Who waits until a name has its sets. */
interface Waiting {
  /** It still has not. */
  readonly lacks: () => boolean;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** One way of the rules from what is known to the kernel. */
export interface Round {
  /** The elements that a set of these rules has now. */
  readonly elementsOf: (sets: readonly DomainSet[]) => (set: string) => readonly string[];
  /** The rules are in force; without sets those of before stay. */
  readonly settle: (sets: readonly DomainSet[] | undefined) => void;
  readonly fail: (reason: unknown) => void;
}

/** Brings what was learnt into the kernel: the book is what is wanted, the kernel is made so, and who learns waits until it is. */
export class NameKeeper {
  readonly #book: NameBook;
  readonly #kernel: Pick<KernelTable, 'hasElement' | 'elementsOf' | 'changeElements'>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  /** Asks for rules to be made: a name has no set yet. */
  readonly #wake: () => void;
  readonly #measure: ((ms: number) => void) | undefined;
  /** Elements that were brought into sets of rules in force, and taken out of them. */
  readonly counts = { added: 0, removed: 0 };
  /** Sets of the rules in force, by name and family. */
  #sets = new Map<string, { 4?: string; 6?: string }>();
  #waiting: Waiting[] = [];
  /** Under way, and gathering behind it. */
  #flying: Batch | undefined;
  #next: Batch | undefined;

  constructor(options: {
    readonly book: NameBook;
    readonly kernel: Pick<KernelTable, 'hasElement' | 'elementsOf' | 'changeElements'>;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly wake: () => void;
    /** Hears how long a batch took, from its first change to the end of its transaction. */
    readonly measure?: ((ms: number) => void) | undefined;
  }) {
    this.#book = options.book;
    this.#kernel = options.kernel;
    this.#clock = options.clock;
    this.#signal = options.signal;
    this.#wake = options.wake;
    this.#measure = options.measure;
  }

  /** Somebody waits for rules. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Notes what names got. `undefined`: the kernel has all of it; else resolves when it has, and rejects if it could not be brought there. */
  learn(names: readonly string[], addresses: readonly GivenAddress[]): Promise<void> | undefined {
    if (addresses.length === 0) return undefined;
    const now = this.#clock.monotonic();
    const wanted: string[] = [];
    for (const name of names) if (this.#book.learn(name, addresses, now)) wanted.push(name);
    if (this.#hasAll(wanted, addresses)) return undefined;
    if (!this.#lacks(wanted, addresses)) return this.#added(wanted, addresses);
    return this.#ruled(() => this.#lacks(wanted, addresses)).then(() => this.#added(wanted, addresses));
  }

  /** A round of making rules begins: whoever waited before it is served by it. */
  begin(): Round {
    const waiting = this.#waiting;
    this.#waiting = [];
    return {
      elementsOf: (sets) => {
        const bySet = new Map(sets.map((set) => [set.name, set]));
        return (name) => {
          const set = bySet.get(name);
          if (set === undefined) return [];
          return [...this.#book.addresses(set.domain, familyOf(set)).keys()].toSorted();
        };
      },
      settle: (sets) => {
        if (sets !== undefined) {
          this.#sets = new Map();
          for (const set of sets)
            this.#sets.set(set.domain, { ...this.#sets.get(set.domain), [familyOf(set)]: set.name });
        }
        for (const { resolve } of waiting) resolve();
        // Who came while these rules were made, and finds in them what he waits for, needs no further ones.
        const came = this.#waiting;
        this.#waiting = [];
        for (const each of came)
          if (each.lacks()) this.#waiting.push(each);
          else each.resolve();
      },
      fail: (reason) => {
        for (const { reject } of waiting) reject(reason);
      },
    };
  }

  /**
   * Lets go what has ended, and whatever else the book does not have; brings back what the kernel lacks. One set is one piece; what happens between two
   * is heeded, or the next comparison's.
   */
  *compare(): Pieces {
    yield* this.#book.expire(this.#clock.monotonic());
    for (const [name, sets] of this.#sets)
      for (const family of [4, 6] as const) {
        const set = sets[family];
        if (set === undefined) continue;
        const wanted = this.#book.addresses(name, family);
        for (const element of this.#kernel.elementsOf(set))
          if (!wanted.has(element) && this.#intends(set, element)) this.#put({ change: 'delete', set, element });
        for (const element of wanted.keys())
          if (!this.#intends(set, element)) this.#put({ change: 'add', set, element });
        yield;
      }
  }

  /** So it is with nearly all answers. */
  #hasAll(names: readonly string[], addresses: readonly GivenAddress[]): boolean {
    for (const name of names) {
      const sets = this.#sets.get(name);
      for (const { family, text } of addresses) {
        const set = sets?.[family];
        if (set === undefined || !this.#isSafe(set, text)) return false;
      }
    }
    return true;
  }

  /** Some of these names has no set for some of its addresses. */
  #lacks(names: readonly string[], addresses: readonly GivenAddress[]): boolean {
    for (const name of names) {
      const sets = this.#sets.get(name);
      for (const { family } of addresses) if (sets?.[family] === undefined) return true;
    }
    return false;
  }

  /** Every address of every name has its element. */
  #added(names: readonly string[], addresses: readonly GivenAddress[]): Promise<void> | undefined {
    let batches: Set<Promise<void>> | undefined;
    for (const name of names) {
      const sets = this.#sets.get(name);
      for (const { family, text } of addresses) {
        const set = sets?.[family];
        if (set !== undefined && this.#isSafe(set, text)) continue;
        // No rule asks for it after all; or there were too many, and others live longer.
        if (set === undefined || !this.#book.addresses(name, family).has(text)) continue;
        const done = this.#brought(set, text);
        if (done !== undefined) (batches ??= new Set()).add(done);
      }
    }
    if (batches === undefined) return undefined;
    return Promise.all(batches).then(() => {});
  }

  /** `undefined`: the kernel has it, and nobody is about to take it away. */
  #brought(set: string, element: string): Promise<void> | undefined {
    const key = `${set} ${element}`;
    const next = this.#next?.changes.get(key);
    if (next?.change === 'add') return this.#next?.done;
    const flying = next === undefined ? this.#flying?.changes.get(key) : undefined;
    if (flying?.change === 'add') return this.#flying?.done;
    if (next === undefined && flying === undefined && this.#kernel.hasElement(set, element)) return undefined;
    return this.#put({ change: 'add', set, element }).done;
  }

  #intends(set: string, element: string): boolean {
    if (this.#isSafe(set, element)) return true;
    const key = `${set} ${element}`;
    const last = this.#next?.changes.get(key) ?? this.#flying?.changes.get(key);
    return last === undefined ? this.#kernel.hasElement(set, element) : last.change === 'add';
  }

  /** The kernel has it, and nothing at all is about to be taken away: so it is with nearly all answers, at which no key has to be made. */
  #isSafe(set: string, element: string): boolean {
    return this.#next?.removes !== true && this.#flying?.removes !== true && this.#kernel.hasElement(set, element);
  }

  #put(change: ElementChange): Batch {
    const batch = this.#next ?? this.#gather();
    this.#next = batch;
    batch.removes ||= change.change === 'delete';
    batch.changes.set(`${change.set} ${change.element}`, change);
    return batch;
  }

  #gather(): Batch {
    const batch: { resolve: () => void; reject: (reason: unknown) => void } = { resolve: () => {}, reject: () => {} };
    const done = new Promise<void>((resolve, reject) => {
      batch.resolve = resolve;
      batch.reject = reject;
    });
    // Of removals nobody waits for the end.
    done.catch(() => {});
    const since = this.#clock.monotonic();
    const gathering: Batch = { ...batch, since, isDue: false, changes: new Map(), removes: false, done };
    this.#clock.after(BATCH_MS, () => {
      gathering.isDue = true;
      this.#fly();
    });
    return gathering;
  }

  #fly(): void {
    const batch = this.#next;
    if (this.#flying !== undefined || batch?.isDue !== true) return;
    this.#flying = batch;
    this.#next = undefined;
    this.#putOff(batch);
    this.#carry(batch)
      .catch(batch.reject)
      .finally(() => {
        this.#flying = undefined;
        // What came meanwhile may have waited long enough.
        this.#fly();
      });
  }

  /** Of many removals most go later, so that additions that come meanwhile wait for one transaction of them, and not for all. */
  #putOff({ changes }: Batch): void {
    let removals = 0;
    for (const [key, change] of changes) {
      if (change.change === 'add' || ++removals <= MOST_AT_ONCE) continue;
      changes.delete(key);
      this.#put(change);
    }
  }

  /** Additions first: somebody waits for these. */
  async #carry({ changes, since, resolve }: Batch): Promise<void> {
    const all = [...changes.values()];
    const added = all.filter(({ change }) => change === 'add');
    for (let at = 0; at < added.length; at += MOST_AT_ONCE) {
      const some = added.slice(at, at + MOST_AT_ONCE);
      await this.#kernel.changeElements(some, this.#signal);
      this.counts.added += some.length;
    }
    resolve();
    const removed = added.length === all.length ? [] : all.filter(({ change }) => change === 'delete');
    if (removed.length > 0) await this.#kernel.changeElements(removed, this.#signal);
    this.counts.removed += removed.length;
    this.#measure?.(this.#clock.monotonic() - since);
  }

  /** Rules were made with all that is known now. */
  #ruled(lacks: () => boolean): Promise<void> {
    const made = new Promise<void>((resolve, reject) => {
      const cancel = this.#clock.after(RULES_MS, () => reject(new RulesNotYet(`no rules after ${RULES_MS} ms`)));
      this.#waiting.push({
        lacks,
        resolve: () => {
          cancel();
          resolve();
        },
        reject: (reason) => {
          cancel();
          reject(reason instanceof Error ? reason : new Error(String(reason)));
        },
      });
    });
    this.#wake();
    return made;
  }
}

function familyOf({ type }: DomainSet): Family {
  return type === 'ipv4_addr' ? 4 : 6;
}
