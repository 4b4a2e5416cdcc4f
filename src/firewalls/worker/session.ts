import type { Clock } from '../../base/clock.ts';
import { deadline } from '../../base/deadline.ts';
import { SallyportError } from '../../base/error.ts';
import type { Pieces } from '../../base/pieces.ts';
import { Turn } from '../../base/turns.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Step } from '../../plan/step.ts';
import type { CourseQuestion } from './course.ts';
import type { Actual, Capabilities, DeviceOwner, Driver, ListBehind, Translation } from '../driver.ts';
import type { Joining } from './newcomers.ts';
import { givenOf } from './no-room.ts';
import { Rivals } from './rivals.ts';
import type { WriterLock } from '../writer-lock.ts';

/** Longest time of one read, and of one write that is one request; a lock's margin must be longer than the latter. */
export const OBSERVE_DEADLINE_MS = 30_000;
export const APPLY_DEADLINE_MS = 10_000;

/** A device that could not say something, or did not own an address, is asked again so often: somebody may have mended it. */
const ASK_AGAIN_MS = 10_000;

/** So long is planned before the event loop gets its turn: a fifth of the longest stop that design section 12 allows. */
const TURN_MS = 10;

/** Translations and lists of steps that are kept: of what is confirmed, of what is gone for, and of what waits. */
const KEPT = 3;

/** A worker's talk with one device: deadlines on every request, the lock before every write, translations made once. */
export class Session<A extends Actual, W extends Translation, S extends Step> {
  readonly #driver: Driver<A, W, S>;
  readonly #lock: WriterLock;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #rivals: Rivals;
  readonly #turn: Turn;
  #capabilities: Capabilities | undefined;
  #askedAt = 0;
  /** What the driver could not translate unprepared. */
  #pending: { readonly ruleset: Ruleset; readonly capabilities: Capabilities } | undefined;
  #steps: readonly { readonly actual: A; readonly ruleset: Ruleset; readonly steps: readonly S[] }[] = [];
  #given: readonly { readonly actual: A; readonly ruleset: Ruleset; readonly given: Ruleset }[] = [];
  #behind: readonly { readonly actual: A; readonly wanted: W; readonly lists: readonly ListBehind[] }[] = [];
  #translations: readonly { readonly ruleset: Ruleset; readonly wanted: W }[] = [];

  constructor(driver: Driver<A, W, S>, lock: WriterLock, clock: Clock, signal: AbortSignal) {
    this.#driver = driver;
    this.#clock = clock;
    this.#rivals = new Rivals(clock);
    this.#turn = new Turn(clock, TURN_MS);
    this.#lock = lock;
    this.#signal = signal;
  }

  /** What the device said of itself, once it has answered. */
  get device(): Pick<Capabilities, 'device' | 'notes'> | undefined {
    return this.#capabilities;
  }

  async observe(): Promise<A> {
    using limit = deadline(this.#signal, OBSERVE_DEADLINE_MS, 'DEVICE_UNREACHABLE');
    if (this.#capabilities === undefined || this.#mayBeMended()) {
      this.forget();
      this.#capabilities = await this.#driver.capabilities(limit.signal);
      this.#askedAt = this.#clock.monotonic();
    }
    const actual = await this.#driver.observe(limit.signal);
    this.#rivals.seen(actual.rival);
    this.#turn.begin();
    return actual;
  }

  /**
   * What was read a moment ago, if it says enough about a ruleset: it confirmed this very one, or nothing but members has to change and the device
   * says that what they rest on is still as it was read. Else `undefined`: everything is to be read.
   */
  async asRead(held: { readonly ruleset: Ruleset; readonly actual: A }, ruleset: Ruleset): Promise<A | undefined> {
    const { actual } = held;
    if (held.ruleset === ruleset) return actual;
    if (this.#driver.isAsRead === undefined || this.#capabilities === undefined || this.refuses) return undefined;
    await this.foresee(actual, ruleset);
    const steps = this.#stepsIfAny(actual, ruleset);
    if (steps.length === 0 || steps.some(({ kind }) => kind !== 'Members')) return undefined;
    using limit = deadline(this.#signal, OBSERVE_DEADLINE_MS, 'DEVICE_UNREACHABLE');
    const isSame = await this.#driver.isAsRead(actual, steps, limit.signal);
    this.#turn.begin();
    return isSame ? actual : undefined;
  }

  /** None also where something stands in the way of all: whoever reads anew is told of it. */
  #stepsIfAny(actual: A, ruleset: Ruleset): readonly S[] {
    try {
      return this.steps(actual, ruleset);
    } catch (thrown) {
      if (!(thrown instanceof SallyportError) || isPending(thrown)) throw thrown;
      return [];
    }
  }

  /** The newest translation leaves something out that the device cannot say or do. */
  get refuses(): boolean {
    return this.#translations[0] !== undefined && this.#translations[0].wanted.refusals.length > 0;
  }

  #mayBeMended(): boolean {
    return this.refuses && this.#clock.monotonic() - this.#askedAt >= ASK_AGAIN_MS;
  }

  /** Only after `observe`: what a device can say is asked from it first. */
  translate(ruleset: Ruleset): W {
    const known = this.#translations.find((one) => one.ruleset === ruleset);
    if (this.#capabilities === undefined)
      throw new SallyportError('INTERNAL', 'a ruleset was translated before the device was asked');
    return this.#keep(known ?? { ruleset, wanted: this.#translated(ruleset, this.#capabilities) });
  }

  #keep(found: { readonly ruleset: Ruleset; readonly wanted: W }): W {
    this.#translations = [found, ...this.#translations.filter((one) => one !== found)].slice(0, KEPT);
    return found.wanted;
  }

  #translated(ruleset: Ruleset, capabilities: Capabilities): W {
    try {
      return this.#driver.translate(ruleset, capabilities);
    } catch (thrown) {
      if (isPending(thrown)) this.#pending = { ruleset, capabilities };
      throw thrown;
    }
  }

  /** Does work that translates rulesets, again after each that the driver has to prepare first. */
  async prepared<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (thrown) {
        const pending = this.#pending;
        if (!isPending(thrown) || pending === undefined || this.#driver.prepare === undefined) throw thrown;
        this.#pending = undefined;
        await this.#driver.prepare(pending.ruleset, pending.capabilities, this.#signal);
      }
    }
  }

  /** Lists that the device has yet to fetch, or has no room for, of a ruleset. */
  behind(actual: A, ruleset: Ruleset): readonly ListBehind[] {
    const wanted = this.translate(ruleset);
    const known = this.#behind.find((one) => one.actual === actual && one.wanted === wanted);
    const lists = known?.lists ?? this.#driver.behind?.(actual, wanted) ?? [];
    if (known === undefined) this.#behind = [{ actual, wanted, lists }, ...this.#behind].slice(0, KEPT);
    return lists;
  }

  /** What of a ruleset the device was given, where all steps to it are done. */
  given(actual: A, ruleset: Ruleset): Ruleset {
    const known = this.#given.find((one) => one.actual === actual && one.ruleset === ruleset);
    const given = known?.given ?? givenOf(ruleset, this.behind(actual, ruleset), this.translate(ruleset).leftOut);
    if (known === undefined) this.#given = [{ actual, ruleset, given }, ...this.#given].slice(0, KEPT);
    return given;
  }

  steps(actual: A, ruleset: Ruleset): readonly S[] {
    return (
      this.#knownSteps(actual, ruleset) ??
      this.#keepSteps(actual, ruleset, this.#driver.steps(actual, this.translate(ruleset)))
    );
  }

  /** It is known, without working anything out, that nothing is left to do. */
  isDone(actual: A, ruleset: Ruleset): boolean {
    const isTranslated = this.#translations.some((one) => one.ruleset === ruleset);
    return isTranslated && this.#knownSteps(actual, ruleset)?.length === 0;
  }

  /** Works out what `translate` and `steps` are about to be asked for, in turns of the event loop where the driver has it in pieces. */
  foresee(actual: A, ruleset: Ruleset): Promise<void> {
    return this.finish(this.#foreseeing(actual, ruleset));
  }

  *#foreseeing(actual: A, ruleset: Ruleset): Pieces {
    const capabilities = this.#capabilities;
    if (capabilities !== undefined && !this.#translations.some((one) => one.ruleset === ruleset)) {
      const translating = this.#driver.translating?.(ruleset, capabilities);
      if (translating !== undefined) this.#keep({ ruleset, wanted: yield* translating });
    }
    if (this.#knownSteps(actual, ruleset) !== undefined) return;
    const stepping = this.#driver.stepping?.(actual, this.translate(ruleset));
    if (stepping !== undefined) this.#keepSteps(actual, ruleset, yield* stepping);
  }

  /** What a course is chosen by, of one reading. */
  about(actual: A): Pick<CourseQuestion, 'foresee' | 'behaviourOf' | 'changesMembersOnly' | 'exposures'> {
    return {
      foresee: (ruleset) => this.#foreseeing(actual, ruleset),
      behaviourOf: (ruleset) => this.translate(ruleset).behaviour,
      changesMembersOnly: (ruleset) =>
        this.steps(actual, ruleset).every(({ kind }) => kind !== 'Rules' && kind !== 'Remove'),
      exposures: (ruleset) =>
        this.steps(actual, ruleset).flatMap(({ exposes }) => (exposes === undefined ? [] : [exposes])),
    };
  }

  /** Does work that a worker has in pieces, in turns of the event loop. */
  finish<T>(work: Pieces<T>): Promise<T> {
    return this.#turn.finish(work);
  }

  /** Between two parts of what a worker works out of one reading: where it took its time, the event loop comes round. */
  rest(): Promise<void> {
    return this.#turn.rest();
  }

  #knownSteps(actual: A, ruleset: Ruleset): readonly S[] | undefined {
    return this.#steps.find((one) => one.actual === actual && one.ruleset === ruleset)?.steps;
  }

  #keepSteps(actual: A, ruleset: Ruleset, steps: readonly S[]): readonly S[] {
    this.#steps = [{ actual, ruleset, steps }, ...this.#steps].slice(0, KEPT);
    return steps;
  }

  /** Two steps as one, where the driver can and nobody may have to wait for a rival's sake. */
  together(first: S, second: S): S | undefined {
    return this.#rivals.isNear ? undefined : this.#driver.together?.(first, second);
  }

  releasing(isGivenUp: (address: string) => boolean): S | undefined {
    return this.#driver.releasing?.(isGivenUp);
  }

  /** `undefined` also where what they join would have to be prepared, or cannot be said whole. */
  joining({ owners, before, after }: Joining): S | undefined {
    const capabilities = this.#capabilities;
    if (this.#driver.joining === undefined || capabilities === undefined) return undefined;
    try {
      const [now, then] = [before, after].map((one) => this.#driver.translate(one, capabilities));
      if (now === undefined || then === undefined || now.refusals.length + then.refusals.length > 0) return undefined;
      return this.#driver.joining([...owners.keys()], now, then);
    } catch (thrown) {
      if (isPending(thrown)) return undefined;
      throw thrown;
    }
  }

  leave(actual: A, owner: DeviceOwner): readonly S[] {
    return this.#driver.leave(actual, owner);
  }

  render(step: S): string {
    return this.#driver.render(step);
  }

  /** `releases`: whether urgent steps take away what we gave up, and not what another writer with our marks brought. */
  async apply(step: S, releases: () => boolean = () => false): Promise<void> {
    const mayGoOn = (): void => {
      if (this.#lock.held()) return;
      throw new SallyportError('NOT_THE_WRITER', 'the lock of this firewall is not held, or about to run out');
    };
    mayGoOn();
    this.#rivals.overrule(() => step.urgent && releases());
    using limit = deadline(this.#signal, step.longestMs ?? APPLY_DEADLINE_MS, 'DEVICE_UNREACHABLE');
    await this.#driver.apply(step, limit.signal, mayGoOn);
  }

  /** What the device warned of in what it was given since this was asked last. */
  warnings(): readonly string[] {
    return this.#driver.warnings?.() ?? [];
  }

  /** Something went wrong: the device may be another one when it answers again. */
  forget(): void {
    this.#capabilities = undefined;
    this.#translations = [];
    this.#steps = [];
    this.#given = [];
    this.#behind = [];
  }
}

function isPending(thrown: unknown): boolean {
  return thrown instanceof SallyportError && thrown.code === 'FLAT_PENDING';
}
