import { background } from '../../base/background.ts';
import { SallyportError, toSallyportError } from '../../base/error.ts';
import type { Pieces } from '../../base/pieces.ts';
import { type NextRound, Rounds } from '../../base/rounds.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { planDigest, planOf } from '../../plan/plan.ts';
import type { Step } from '../../plan/step.ts';
import { Attempts } from './attempts.ts';
import { Approvals } from '../guard/approvals.ts';
import { Carrier, type Judging } from './carrier.ts';
import { ConfirmedKeeper } from './confirmed-keeper.ts';
import { type Confirmed, type Course, type Going, type WorkerSettings, choosing, mayJoin } from './course.ts';
import type { Actual, Translation } from '../driver.ts';
import { Guard } from '../guard/guard.ts';
import { Setback } from './pause.ts';
import { quietUntil, restReasons } from '../guard/quiet.ts';
import { type Basis, Report, once } from './report.ts';
import { beforeTouching, changedObjects, driftOf, isWork, leadingUrgent, restsOf, sameSet } from './portions.ts';
import { LOOK_MS, LOOK_SELDOM_MS, Looks } from './looks.ts';
import { Handovers } from '../confirmed/handover.ts';
import { holdsGivenUp } from './rivals.ts';
import { Session } from './session.ts';
import { type JudgedFor, Standing } from './standing.ts';
import { GATHER_MS, type Wish, Wishes, type Wished } from './wishes.ts';
import { watchDevice } from './watch-device.ts';
import { WorkerMemory } from './worker-memory.ts';
import type { WorkerOptions } from './worker-options.ts';
import type { WorkerStatus } from './worker-status.ts';

/**
 * Keeps one firewall in step with what is wished for it. At most one request is under way; the newest wish wins, also between two
 * steps; what it believes is what it read back. Retries look at an error's class only.
 */
export class Worker<A extends Actual = Actual, W extends Translation = Translation, S extends Step = Step> {
  readonly #options: WorkerOptions<A, W, S>;
  readonly #stop = new AbortController();
  readonly #rounds: Rounds;
  readonly #looks: Looks<A>;
  readonly #session: Session<A, W, S>;
  readonly #wishes: Wishes;
  readonly #guard: Guard;
  readonly #approvals: Approvals;
  readonly #memory: WorkerMemory;
  readonly #keeper: ConfirmedKeeper | undefined;
  readonly #setback: Setback;
  readonly #handovers = new Handovers(
    () => this.#options.driver.endsConnections === true && this.#settings.mode !== 'Observe',
  );
  readonly #report: Report;
  readonly #carrier: Carrier<A, W, S>;
  #settings: WorkerSettings;
  readonly #standing = new Standing<A>();
  /** Somebody else may have been the writer since the basis was confirmed. */
  #doubts = false;
  readonly #attempts = new Attempts();
  /** The wished ruleset whose whole plan somebody said yes to, and the digest that he said it to. */
  #authorised: { readonly ruleset: Ruleset; readonly digest: string } | undefined;
  /** Objects that somebody else changed and that nobody has put right. */
  #drifted: ReadonlySet<string> = new Set();
  readonly #render = (step: S): string => this.#session.render(step);
  #stay: 'stays' | 'leaving' | 'left' = 'stays';
  /** Whose plan was carried out, up to the round over connections at least, and has not been read back since. */
  #carriedOut: { readonly wished: Wished; readonly judging: Judging | undefined } | undefined;

  constructor(options: WorkerOptions<A, W, S>) {
    this.#options = options;
    this.#settings = options.settings;
    this.#rounds = new Rounds(options.clock, () => this.#round());
    this.#looks = new Looks(options.clock, () => this.#rounds.request());
    this.#session = new Session(options.driver, options.lock, options.clock, this.#stop.signal);
    this.#wishes = new Wishes(options.clock);
    this.#setback = new Setback(options.clock);
    this.#guard = new Guard(options.clock);
    this.#approvals = new Approvals(options.clock);
    this.#memory = new WorkerMemory(options.memory, this.#guard, this.#approvals, options.log, options.firewall);
    const { record, clock, log, firewall, ownerVersions } = options;
    if (record) this.#keeper = new ConfirmedKeeper(record, clock, log, firewall, ownerVersions);
    this.#report = new Report(options.firewall, () => options.driver.connectionsStay ?? this.#carrier.cutting.note);
    const mayCut = (): boolean => this.#settings.mode !== 'Observe' && this.#stay === 'stays' && options.lock.held();
    const rounds = { ...options, judged: this.#looks.ask, mayCut };
    this.#carrier = new Carrier(this.#session, this.#report, rounds, this.#wishes, this.#stop.signal);
  }

  /** Begins to work; `stop` ends it. */
  start(): void {
    const { lock, driver, log, firewall } = this.#options;
    const end = lock.onChange(this.#looks.ask);
    this.#stop.signal.addEventListener('abort', end, { once: true });
    if (driver.watch !== undefined)
      background(`watch ${firewall}`, watchDevice(this.#options, LOOK_MS, this.#looks.ask, this.#stop.signal), log);
    this.#looks.ask();
  }

  /** Takes over a wish; returns at once. One from which nothing follows waits a moment for others. */
  desire(wish: Wish): void {
    this.#report.wished(this.#wishes.latest, wish, this.#options.log);
    if (this.#wishes.wish(wish, this.#report.settled ? this.#standing.held : undefined)) this.#rounds.gather(GATHER_MS);
    else this.#rounds.request();
  }

  /** The BorderFirewall was edited. */
  configure(settings: WorkerSettings): void {
    this.#settings = settings;
    this.#setback.retry();
    this.#looks.ask();
  }

  /** A yes to the plan with this digest, said so long ago; it lapses an hour after that, or when another plan takes its place. */
  approve(digest: string, ageMs = 0): void {
    this.#approvals.give(digest, ageMs);
    this.#memory.changed();
    this.#looks.ask();
  }

  /** Something that this worker waits for outside of itself may have happened. */
  nudge(): void {
    this.#looks.ask();
  }

  /** Takes everything of ours off the device and ends all work. Rejects with what stood in the way; call it again to try again. */
  async leave(): Promise<void> {
    if (this.#settings.mode === 'Observe')
      throw new SallyportError('MODE_OBSERVE', 'a firewall in mode Observe is not written to');
    if (this.#stay === 'stays') this.#stay = 'leaving';
    this.#setback.retry();
    this.#looks.ask();
    await this.#rounds.settled();
    if (this.#stay === 'leaving')
      throw this.#report.error ?? new SallyportError('DEVICE_UNREACHABLE', 'the worker was stopped');
  }

  /** Resolves when there is nothing to do until something happens. */
  async settled(): Promise<void> {
    do await this.#rounds.settled();
    while (await this.#carrier.judged());
  }

  /** Ends the request under way, and then all work. What is on the device stays. */
  async stop(): Promise<void> {
    this.#stop.abort(new SallyportError('DEVICE_UNREACHABLE', 'the worker was told to stop'));
    await this.#rounds.stop();
    await this.#carrier.judged();
    await this.#keeper?.close();
  }

  status(): WorkerStatus {
    const writer = this.#settings.mode === 'Observe' || this.#options.lock.held();
    const { confirmed } = this.#standing;
    return this.#report.status(this.#wishes, confirmed, this.#session.device?.device, writer, this.#drifted.size > 0);
  }

  /** What was read back as ours last; `undefined` until the device and what is wanted first agree. */
  confirmed(): Confirmed | undefined {
    return this.#report.toldOf(this.#standing.confirmed);
  }

  async #round(): Promise<NextRound> {
    let next: NextRound;
    try {
      next = this.#setback.left(this.#wishes.wished?.ruleset) ?? (await this.#session.prepared(() => this.#work()));
    } catch (thrown) {
      // What fails because we were told to stop is no failure.
      next = this.#stop.signal.aborted ? undefined : this.#failed(toSallyportError(thrown));
    }
    if (this.#settings.mode !== 'Observe') this.#keeper?.note(this.#standing.confirmed);
    this.#options.events?.status?.(this.status());
    return next;
  }

  #failed(error: SallyportError): NextRound {
    const pauseMs = this.#setback.after(error, this.#wishes.wished?.ruleset);
    if (error.blame !== 'conflict') this.#session.forget();
    this.#report.failed(error, pauseMs, this.#options.log);
    return pauseMs;
  }

  async #work(): Promise<NextRound> {
    const { lock, log } = this.#options;
    if (this.#stay !== 'stays') return await this.#leaveDevice();
    if (this.#settings.mode !== 'Observe' && !lock.held()) {
      // Another copy may write from now on.
      this.#doubts = true;
      this.#standing.doubt();
      this.#attempts.over();
      this.#report.settled = false;
      return undefined;
    }
    this.#carrier.rethrow();
    await this.#memory.settle();
    const asked = this.#wishes.wished;
    if (asked === undefined) return undefined;
    this.#standing.reading(asked);
    // Most wishes concern other firewalls, or a few members of this one: then what was read a moment ago may say enough.
    const held = this.#looks.recent(this.#report.settled && this.#drifted.size === 0 ? this.#standing.held : undefined);
    if (held !== undefined && this.#isStill(held, asked)) {
      this.#confirm(asked, held.actual);
      return this.#lookMs;
    }
    const known = held && (await this.#session.asRead(held, asked.ruleset));
    const isEnough = known !== undefined && this.#wishes.wished?.ruleset === asked.ruleset;
    const actual = isEnough ? known : this.#standing.found(await this.#looks.read(() => this.#session.observe()));
    // Whoever came while the device was read goes along: to read it may take longer than to write it.
    const { wished } = this.#wishes;
    if (wished === undefined) return undefined;
    this.#report.answered(this.#session.device, actual, log);
    this.#carrier.cutting.read(actual);
    await this.#session.foresee(actual, wished.ruleset);
    await this.#session.rest();
    this.#report.translated(this.#session.translate(wished.ruleset), this.#session.behind(actual, wished.ruleset), log);
    const steps = this.#session.steps(actual, wished.ruleset);
    await this.#confirmOvertaken(wished, actual);
    if (this.#settings.mode !== 'Observe' && steps.some(isWork)) await this.#recall(wished, actual);
    await this.#session.rest();
    this.#lookForDrift(actual);
    if (await this.#letGo(wished, actual)) return undefined;
    await this.#session.rest();
    const isDone = !steps.some(isWork);
    const next = await (isDone ? this.#tidy(wished, actual, steps) : this.#goAhead(wished, actual, steps));
    this.#report.error = undefined;
    this.#setback.over();
    return next ?? this.#lookMs;
  }

  /** When the device is read again, if nothing calls for it earlier. */
  get #lookMs(): number {
    return this.#options.driver.watch === undefined || this.#session.refuses ? LOOK_MS : LOOK_SELDOM_MS;
  }

  /** The wish differs from what is held in who has which address alone, and nothing follows from that but who has them. */
  #isStill(held: Basis<A>, wished: Wished): boolean {
    if (held.ruleset !== wished.ruleset || !this.#session.isDone(held.actual, held.ruleset)) return false;
    return this.#handovers.of(held, wished) === undefined;
  }

  /** What was confirmed before this process began goes on where the device shows it. */
  async #recall(wished: Wished, actual: A): Promise<void> {
    const known = this.#standing.basis ? undefined : await this.#keeper?.recall(actual, wished, this.#session);
    if (known !== undefined) this.#becomesBasis(known.ruleset, known, actual);
  }

  /** Takes off the device what went from one owner to another, with its connections; true: something was sent. It waits for nobody. */
  async #letGo(wished: Wished, actual: A): Promise<boolean> {
    const without = this.#handovers.of(this.#standing.basis, wished);
    if (without === undefined) return false;
    await this.#session.foresee(actual, without.ruleset);
    const all = this.#session.steps(actual, without.ruleset);
    const todo = this.#settings.drift === 'Show' ? beforeTouching(all, this.#drifted) : all;
    if (todo.some(isWork)) {
      this.#report.settled = false;
      this.#countAttempt(without.ruleset, actual);
      await this.#carryOut(todo, wished, actual, without.ruleset);
      this.#carriedOut = undefined;
    } else if (todo.length === all.length) this.#becomesBasis(without.ruleset, without, actual);
    return todo.some(isWork);
  }

  /** The device holds what is wanted: say so, and remove what nothing uses any more. */
  async #tidy(wished: Wished, actual: A, steps: readonly S[]): Promise<NextRound> {
    const drifted = this.#drifted;
    this.#confirm(wished, actual);
    if (this.#authorised !== undefined) await this.#memory.forgetYeses();
    this.#authorised = undefined;
    if (this.#settings.mode === 'Observe') return undefined;
    const todo = this.#settings.drift === 'Show' ? beforeTouching(steps, drifted) : steps;
    if (todo.length < steps.length) this.#drifted = drifted;
    else if (drifted.size > 0 && steps.length > 0) this.#report.repairs++;
    await this.#carryOut(todo, wished, actual, wished.ruleset);
    return undefined;
  }

  #confirm(wished: Wished, actual: A): void {
    this.#becomesBasis(wished.ruleset, wished, actual);
    this.#tell(wished);
  }

  #tell(wished: Wished): void {
    const { events, clock, log, firewall } = this.#options;
    if (this.#report.partly()) return;
    this.#report.confirmed(wished.version, clock.wall());
    for (const { version, ms } of this.#wishes.fulfil(wished.version)) {
      log.info({ firewall, version, ms: Math.round(ms) }, 'confirmed');
      events?.confirmed?.(version, ms);
    }
  }

  /**
   * In a stream of wishes the device never holds the newest one; what an older one asked for is confirmed all the same. Where its connections
   * are still being judged it is once they are, and until then the guard goes from it.
   */
  async #confirmOvertaken(wished: Wished, actual: A): Promise<void> {
    const judged = this.#standing.judged();
    if (judged !== undefined) this.#tell(judged);
    const carriedOut = this.#carriedOut;
    this.#carriedOut = undefined;
    if (carriedOut === undefined || carriedOut.wished === wished) return;
    const { wished: overtaken, judging } = carriedOut;
    await this.#session.foresee(actual, overtaken.ruleset);
    const left = this.#session.steps(actual, overtaken.ruleset).filter(isWork);
    if (left.length === 0) this.#confirm(overtaken, actual);
    else if (judging?.isDone === false && left.every(({ kind }) => kind === 'Cut'))
      this.#becomesBasis(overtaken.ruleset, overtaken, actual, { wished: overtaken, judging });
  }

  async #goAhead(wished: Wished, actual: A, steps: readonly S[]): Promise<NextRound> {
    this.#report.settled = false;
    const settings = this.#settings;
    let going = await this.#going(wished, actual, steps);
    // The BorderFirewall was edited meanwhile: that was asked under settings that no longer hold.
    if (this.#settings !== settings) return undefined;
    // What counts has to outlive this process before it is sent; else it does not pass.
    const { passes } = going;
    if (going.todo.some(isWork) && passes !== undefined && this.#guard.passed(passes) && !(await this.#memory.keep()))
      going = await this.#going(wished, actual, steps);
    const { target, of = wished, all, todo, waits } = going;
    await this.#session.rest();
    if (this.#settings !== settings) return undefined;
    if (todo.some(isWork)) {
      this.#report.waiting = undefined;
      this.#countAttempt(target, actual);
      await this.#carryOut(todo, wished, actual, target);
      return undefined;
    }
    if (target !== undefined && todo.length === all.length) this.#becomesBasis(target, of, actual);
    return await this.#hold(wished, actual, steps, waits);
  }

  /** What may be done now of what is left to do, and why not the rest. */
  async #going(wished: Wished, actual: A, steps: readonly S[]): Promise<Going<S>> {
    const course = await this.#session.finish(this.#choosing(wished, actual));
    const { target, waits } = course;
    await this.#session.foresee(actual, target ?? course.urgent ?? wished.ruleset);
    const urgent = (to: Ruleset | undefined): readonly S[] =>
      to === undefined ? [] : leadingUrgent(to === wished.ruleset ? steps : this.#session.steps(actual, to));
    const all = target === undefined ? urgent(course.urgent) : this.#session.steps(actual, target);
    const shown = this.#settings.drift === 'Show' && !this.#isAuthorised(wished);
    const todo = shown ? beforeTouching(all, this.#drifted) : all;
    const left = todo.length < all.length ? ['what somebody else changed is shown, not repaired'] : [];
    return { ...course, all, todo, waits: [...waits, ...left] };
  }

  /** A yes lapses also where what it was said to cannot be carried out. */
  readonly #isAuthorised = ({ ruleset }: Wished): boolean =>
    this.#authorised?.ruleset === ruleset && this.#approvals.has(this.#authorised.digest);

  #choosing(wished: Wished, actual: A): Pieces<Course> {
    const { clock, canaries } = this.#options;
    return choosing(this.#guard, {
      settings: this.#settings,
      desired: wished.ruleset,
      owners: wished.owners,
      ...this.#standing.about(),
      actual,
      ...this.#session.about(actual),
      approved: this.#isAuthorised(wished),
      rests: restReasons(this.#settings.guard, clock.wall(), () => canaries?.(wished.version) ?? []),
    });
  }

  /** All that may go ahead is there. A yes to what is left is looked for only now, because its digest is of what is left. */
  async #hold(wished: Wished, actual: A, steps: readonly S[], reasons: readonly string[]): Promise<NextRound> {
    const { log, firewall, clock } = this.#options;
    const { mode, guard } = this.#settings;
    // Translated now: whoever reads the plan may do so after the device was lost.
    const wanted = this.#session.translate(wished.ruleset);
    const plan = once(() => planOf({ desired: wished.ruleset, actual, wanted, steps, render: this.#render }));
    if (mode === 'Observe') {
      this.#report.waits({ reasons, plan }, undefined, log);
      return undefined;
    }
    const digest = planDigest({ desired: wished.ruleset, steps, render: this.#render });
    if (this.#approvals.has(digest)) {
      log.info({ firewall, digest }, 'somebody said yes to the plan');
      this.#authorised = { ruleset: wished.ruleset, digest };
      // Whoever comes after this process, should it die on the way, may go the rest of it.
      for (const rest of restsOf(steps))
        this.#approvals.extend(digest, planDigest({ desired: wished.ruleset, steps: rest, render: this.#render }));
      await this.#memory.keep();
      this.#looks.ask();
      return undefined;
    }
    if (!this.#approvals.isEmpty) {
      log.warn({ firewall, digest }, 'a yes lapsed: it was for another plan');
      await this.#memory.forgetYeses();
    }
    this.#report.waits({ reasons, plan, digest }, digest, log);
    const quietEnd = quietUntil(guard.quiet, clock.wall());
    return quietEnd === undefined ? LOOK_SELDOM_MS : Math.min(quietEnd - clock.wall(), LOOK_SELDOM_MS);
  }

  #countAttempt(target: Ruleset | undefined, { rival }: A): void {
    const times = this.#attempts.count(target, rival !== undefined);
    if (this.#drifted.size > 0 && times === 1) this.#report.repairs++;
  }

  /** `awaited`: connections are still being judged for it. */
  #becomesBasis(asked: Ruleset, { owners }: Pick<Wished, 'owners'>, actual: A, awaited?: JudgedFor): void {
    const ruleset = this.#session.given(actual, asked);
    const { behaviour } = this.#session.translate(ruleset);
    this.#standing.take({ ruleset, behaviour, owners, actual }, awaited);
    this.#carrier.cutting.confirmed({ ruleset, behaviour, owners });
    this.#attempts.over();
    this.#drifted = new Set();
  }

  /** Compares what was read with what was confirmed. What we sent ourselves since then is no drift. */
  #lookForDrift(actual: A): void {
    if (this.#doubts && this.#standing.basis !== undefined) {
      // What another copy of ours brought there is no drift, and no basis of this one either.
      if (this.#session.steps(actual, this.#standing.basis.ruleset).some(isWork)) this.#standing.forget();
      this.#doubts = false;
    }
    const { basis } = this.#standing;
    if (basis === undefined || this.#standing.isAnew || this.#attempts.isOpen || actual === basis.actual) return;
    const found = changedObjects(actual.drift, this.#session.steps(actual, basis.ruleset));
    if (found.size > 0 && !sameSet(found, this.#drifted))
      this.#report.changed(driftOf(actual.drift, found), found.size, this.#settings.drift, this.#options.log);
    this.#drifted = found;
  }

  async #carryOut(steps: readonly S[], wished: Wished, actual: A, target: Ruleset | undefined): Promise<void> {
    if (steps.length > 0)
      this.#options.events?.carrying?.(() => planDigest({ desired: wished.ruleset, steps, render: this.#render }));
    const mayGoOn = (): boolean => this.#settings.mode !== 'Observe' && this.#stay === 'stays';
    const joins = (): boolean => this.#drifted.size === 0 && mayJoin(this.#settings);
    const carrying = this.#carrier.carryOut(steps, {
      standing: () => (mayGoOn() ? this.#wishes.standingOf(wished) : 'forbidden'),
      stream: this.#wishes,
      releases: once(() => holdsGivenUp(actual, this.#standing.basis?.ruleset, wished.ruleset)),
      joining: (newer) => (joins() ? this.#standing.joining(target, newer, this.#session.about(actual)) : undefined),
    });
    const { ended, judging } = await this.#attempts.sending(carrying);
    if (steps.length === 0) return;
    if (ended === 'done' || judging !== undefined) this.#carriedOut = { wished, judging };
    this.#looks.ask();
  }

  async #leaveDevice(): Promise<NextRound> {
    if (this.#stay === 'left') return undefined;
    await this.#carrier.judged();
    const actual = await this.#session.observe();
    const steps = this.#session.leave(actual, { cluster: this.#options.cluster, firewall: this.#options.firewall });
    this.#standing.forget();
    this.#attempts.over();
    if (steps.length === 0) this.#stay = 'left';
    for (const step of steps) await this.#session.apply(step);
    if (steps.length > 0) this.#looks.ask();
    return undefined;
  }
}
