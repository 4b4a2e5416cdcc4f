import type { Class, ClassId, Ruleset } from '../../border/ruleset.ts';
import type { Judging } from './carrier.ts';
import type { CourseQuestion } from './course.ts';
import type { Actual } from '../driver.ts';
import type { Owners } from '../guard/interim.ts';
import { type Joining, joiningBeside } from './newcomers.ts';
import type { Basis } from './report.ts';
import type { Wished } from './wishes.ts';

const MOST_REMEMBERED = 10_000;

/** A wish, and the round over connections that it waits for. */
export interface JudgedFor {
  readonly wished: Wished;
  readonly judging: Judging;
}

/** What a firewall was read back to hold as it was wished, and how much of that others may be told. */
export class Standing<A> {
  readonly #remembered = new Map<ClassId, Class>();
  #basis: Basis<A> | undefined;
  #confirmed: Basis<A> | undefined;
  #awaited: (JudgedFor & { readonly basis: Basis<A> }) | undefined;
  #hadFirst: Owners | undefined;
  #isAnew = false;

  /** What the guard goes from: the last reading, whether all connections were judged or not. */
  get basis(): Basis<A> | undefined {
    return this.#basis;
  }

  /** The last reading whose connections were judged too. */
  get confirmed(): Basis<A> | undefined {
    return this.#confirmed;
  }

  /** The device is about to be read: who has which address when that is done while nothing is known of it is remembered. */
  reading({ owners }: Wished): void {
    if (this.#basis === undefined) this.#hadFirst ??= owners;
  }

  /** What was read begins anew, until it is as it was wished once more: what differs till then is nobody's doing. */
  found<F extends A & Pick<Actual, 'anew'>>(actual: F): F {
    if (actual.anew === true && actual !== this.#basis?.actual) this.#isAnew = true;
    return actual;
  }

  /** Nobody is to be asked about what differs. */
  get isAnew(): boolean {
    return this.#isAnew;
  }

  /** What is known of the device, for the question how far to go. */
  about(): Pick<CourseQuestion, 'confirmed' | 'remembered' | 'hadFirst'> {
    return { confirmed: this.#basis, remembered: this.#remembered, hadFirst: this.#hadFirst };
  }

  /**
   * Who may join beside steps from what was read to `target`; `undefined`: nobody. What was read has to differ from what is confirmed in members
   * alone, or rules run of which neither says anything.
   */
  joining(
    target: Ruleset | undefined,
    wished: Wished,
    read: Pick<CourseQuestion, 'changesMembersOnly'>,
  ): Joining | undefined {
    const basis = this.#basis;
    if (basis === undefined || target === undefined || !read.changesMembersOnly(basis.ruleset)) return undefined;
    return joiningBeside(basis, target, wished);
  }

  /** The last reading, if it confirmed what was wanted, connections included. */
  get held(): Basis<A> | undefined {
    return this.#basis === this.#confirmed ? this.#basis : undefined;
  }

  /** Read back. Where connections are judged for it, it is confirmed when they are, if nothing newer is before. */
  take(basis: Basis<A>, awaited?: JudgedFor): void {
    const before = this.#basis;
    this.#basis = basis;
    this.#hadFirst = undefined;
    this.#isAnew = false;
    if (awaited === undefined) this.#confirmed = basis;
    this.#awaited = awaited === undefined ? undefined : { basis, ...awaited };
    if (before?.ruleset.classes === basis.ruleset.classes) return;
    for (const [id, one] of basis.ruleset.classes) this.#remembered.set(id, one);
    for (const id of this.#remembered.keys()) {
      if (this.#remembered.size <= MOST_REMEMBERED) break;
      this.#remembered.delete(id);
    }
  }

  /** The wish that is confirmed because its connections have been judged; told once. */
  judged(): Wished | undefined {
    const awaited = this.#awaited;
    if (awaited?.judging.isDone !== true) return undefined;
    this.#confirmed = awaited.basis;
    this.#awaited = undefined;
    return awaited.wished;
  }

  /** Somebody else may write from now on: what is awaited may come to nothing. */
  doubt(): void {
    this.#awaited = undefined;
    this.#hadFirst = undefined;
  }

  /** Nothing is known any more. */
  forget(): void {
    this.#basis = undefined;
    this.#confirmed = undefined;
    this.#awaited = undefined;
    this.#hadFirst = undefined;
  }
}
