import { allEnded } from '../../base/all-ended.ts';
import type { Clock } from '../../base/clock.ts';
import { deadline } from '../../base/deadline.ts';
import { SallyportError, toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { Turn } from '../../base/turns.ts';
import { behaviourOf } from '../../plan/ruleset-behaviour.ts';
import type { Connections, OpenConnection } from '../connections.ts';
import type { Confirmed } from './course.ts';
import { type Held, domainsIn, mayGoOn, sendersWhoLost } from './lost-rights.ts';
import type { Wished } from './wishes.ts';

/** Senders whose connections are asked for side by side: most of what a device answers at once is for members and rules. */
const SIDE_BY_SIDE = 2;
/** One sender's connections are listed, ended and listed again within this time. */
const SENDER_MS = 60_000;
/** What passes by itself is tried again after this; what the device will refuse again seldom. */
const RETRY_MS = 5_000;
const REFUSED_MS = 600_000;
/** Who waits shorter than this is not told of: in a stream somebody always waits. */
const TOLD_MS = 5_000;
const TURN_MS = 10;

export interface CuttingOptions {
  readonly firewall: string;
  /** `undefined`: the device has no way to end connections. */
  readonly connections: () => Connections | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** This process may write now. */
  readonly mayWrite: () => boolean;
  /** What is wished for by now. */
  readonly wished: () => Wished | undefined;
  /** `note` is another one. */
  readonly told: () => void;
  readonly stop: AbortSignal;
}

/**
 * Ends the connections of those who lost rights, beside everything else: nobody who joins or leaves waits for it. Who lost is found by comparing what is
 * confirmed with what was confirmed before; what their connections may is asked of what is confirmed by now, so that whoever got his right back meanwhile
 * keeps them. What was ended is read back.
 */
export class Cutting {
  readonly #options: CuttingOptions;
  readonly #turn: Turn;
  /** What `#now` was last compared with. */
  #before: Held | undefined;
  #now: (Confirmed & { readonly domains: readonly string[] }) | undefined;
  /** Whose connections are still to be judged, and since when (monotonic). */
  readonly #pending = new Map<string, number>();
  /** Who has some that go on because of a wish that is not in force yet, and which one it was. */
  readonly #spared = new Map<string, Wished['ruleset'] | undefined>();
  #round: Promise<void> | undefined;
  #notBefore = 0;
  #cancel: () => void = () => undefined;
  /** Why the device does not end them, in its words. */
  #refused: string | undefined;
  #told: string | undefined;

  constructor(options: CuttingOptions) {
    this.#options = options;
    this.#turn = new Turn(options.clock, TURN_MS);
    options.stop.addEventListener('abort', () => this.end(), { once: true });
  }

  /** The device was read. What the first reading shows is what all that follows is compared with. */
  read(held: Held): void {
    this.#before ??= held;
  }

  /** This is what the device holds by now. */
  confirmed(now: Confirmed): void {
    const isOther = this.#now?.ruleset !== now.ruleset || this.#now.owners !== now.owners;
    if (isOther) {
      const domains = this.#now?.ruleset.classes === now.ruleset.classes ? this.#now.domains : domainsIn(now.ruleset);
      this.#now = { ...now, domains };
    }
    const wished = this.#options.wished()?.ruleset;
    for (const [sender, sake] of this.#spared)
      if (isOther || sake !== wished) {
        this.#spared.delete(sender);
        this.#wait(sender);
      }
    this.#wake();
  }

  /** What is not as `established: Cut` promises, for people; `undefined`: nothing. */
  get note(): string | undefined {
    if (this.#refused !== undefined)
      return `connections that a change no longer allows go on, because ${this.#refused}; asked again every ten minutes`;
    const since = this.#pending.values().next().value;
    if (since === undefined || this.#options.clock.monotonic() - since < TOLD_MS) return undefined;
    const { size } = this.#pending;
    return `connections of ${size} ${size === 1 ? 'sender' : 'senders'} that lost rights are still to be judged`;
  }

  /** Nothing is tried again. */
  end(): void {
    this.#cancel();
  }

  /** How many senders' connections are still to be judged. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Resolves when no connection is being judged, with whether some were. */
  async settled(): Promise<boolean> {
    const isJudging = this.#round !== undefined;
    while (this.#round !== undefined) await this.#round;
    return isJudging;
  }

  #wait(sender: string): void {
    if (!this.#pending.has(sender)) this.#pending.set(sender, this.#options.clock.monotonic());
  }

  #wake(): void {
    const { clock, stop, mayWrite } = this.#options;
    const isIdle = this.#pending.size === 0 && this.#before === this.#now;
    if (this.#round !== undefined || stop.aborted || isIdle || !mayWrite()) return;
    this.#cancel();
    const left = this.#notBefore - clock.monotonic();
    if (left > 0) {
      this.#cancel = clock.after(left, () => this.#wake());
      return;
    }
    this.#round = this.#judgeAll().finally(() => {
      this.#round = undefined;
      this.#tell();
      this.#wake();
    });
  }

  #tell(): void {
    const { note } = this;
    if (note === this.#told || this.#options.stop.aborted) return;
    this.#told = note;
    if (this.#refused !== undefined)
      this.#options.log.warn({ firewall: this.#options.firewall, note }, 'connections are not ended');
    this.#options.told();
  }

  /** Never rejects. */
  async #judgeAll(): Promise<void> {
    const connections = this.#options.connections();
    try {
      await this.#findLosers(connections !== undefined);
      if (connections === undefined || this.#pending.size === 0) return;
      const failed = new AbortController();
      await allEnded(Array.from({ length: SIDE_BY_SIDE }, () => this.#judgeSome(connections, failed)));
    } catch (thrown) {
      this.#failed(toSallyportError(thrown));
    }
  }

  async #findLosers(counts: boolean): Promise<void> {
    const [before, now] = [this.#before, this.#now];
    if (now === undefined || before === now) return;
    this.#before = now;
    if (counts && before?.ruleset === undefined && before?.behaviour.present === true)
      this.#options.log.info(
        { firewall: this.#options.firewall },
        'whose connections a process before this one left to be judged is not known',
      );
    if (!counts || before === undefined || now.ruleset.established === 'Keep') {
      this.#pending.clear();
      return;
    }
    this.#turn.begin();
    for (const sender of await this.#turn.finish(sendersWhoLost(before, now))) this.#wait(sender);
  }

  async #judgeSome(connections: Connections, failed: AbortController): Promise<void> {
    while (!failed.signal.aborted && !this.#options.stop.aborted) {
      const [next] = this.#pending;
      if (next === undefined || this.#now?.ruleset.established === 'Keep') return;
      const [sender, since] = next;
      // Whoever loses more while he is judged waits anew.
      this.#pending.delete(sender);
      try {
        const now = this.#now;
        const sake = this.#options.wished()?.ruleset;
        const isSpared = await this.#judge(connections, sender);
        // What is confirmed changed behind the question: nobody else would come back to it.
        if (isSpared && this.#now !== now) this.#wait(sender);
        else if (isSpared) this.#spared.set(sender, sake);
        this.#refused = undefined;
      } catch (thrown) {
        this.#pending.set(sender, since);
        failed.abort();
        throw thrown;
      }
    }
  }

  #failed(error: SallyportError): void {
    const { clock, stop, log, firewall } = this.#options;
    if (stop.aborted) return;
    const passes = error.blame === 'transient' || error.blame === 'conflict';
    this.#notBefore = clock.monotonic() + (passes ? RETRY_MS : REFUSED_MS);
    if (!passes) this.#refused = error.message;
    else log.info({ firewall, code: error.code, error: error.message }, 'connections are judged again in a moment');
  }

  /** Ends what lost its right, and reads back. Resolves with whether something goes on for the sake of a wish alone. */
  async #judge(connections: Connections, sender: string): Promise<boolean> {
    using limit = deadline(this.#options.stop, SENDER_MS, 'DEVICE_UNREACHABLE');
    const { signal } = limit;
    const open = await connections.opened(sender, signal);
    const lost = open.filter((one) => !this.#isAllowed(one));
    const isSpared = open.some((one) => !lost.includes(one) && !this.#isAllowed(one, 'confirmed'));
    if (lost.length === 0) return isSpared;
    const asked = (which: readonly OpenConnection[]) => (): void => {
      if (!this.#options.mayWrite())
        throw new SallyportError('NOT_THE_WRITER', 'this process may not write to the firewall any more');
      if (which.some((one) => this.#isAllowed(one)))
        throw new SallyportError('DEVICE_CHANGED', `${sender} has got a right back meanwhile`);
    };
    if (lost.length === open.length && this.#isNobodys(sender))
      await connections.endAll(sender, open, signal, () => {
        if (!this.#isNobodys(sender)) throw new SallyportError('DEVICE_CHANGED', `${sender} is somebody's again`);
        asked(lost)();
      });
    else for (const one of lost) await connections.end(one, signal, asked([one]));
    const ended = new Set(lost.map(({ id }) => id));
    const left = (await connections.opened(sender, signal)).filter(({ id }) => ended.has(id));
    if (left.length > 0)
      throw new SallyportError(
        'DEVICE_REJECTED',
        `the device took the command and ${left.length} of ${ended.size} connections of ${sender} are still there`,
      );
    this.#options.log.info({ firewall: this.#options.firewall, sender, ended: ended.size }, 'connections ended');
    return isSpared;
  }

  /** Nobody is known to have the address, nor wished to have it. */
  #isNobodys(sender: string): boolean {
    const wished = this.#options.wished();
    return [this.#now, wished].every((one) => one?.ruleset.members.has(sender) === false);
  }

  /** By what is confirmed, or by what is wished for and not there yet: what would be allowed again in a moment is left alone. */
  #isAllowed(connection: OpenConnection, by: 'either' | 'confirmed' = 'either'): boolean {
    if (!connection.isGoverned || this.#now === undefined) return true;
    const { behaviour, domains, ruleset } = this.#now;
    if (mayGoOn(behaviour, connection, domains)) return true;
    const wished = this.#options.wished()?.ruleset;
    if (by === 'confirmed' || wished === undefined || wished === ruleset) return false;
    return mayGoOn(this.#meaning(wished), connection, domainsIn(wished));
  }

  #meant: { readonly of: Wished['ruleset']; readonly behaviour: Held['behaviour'] } | undefined;

  #meaning(of: Wished['ruleset']): Held['behaviour'] {
    if (this.#meant?.of !== of) this.#meant = { of, behaviour: behaviourOf(of) };
    return this.#meant.behaviour;
  }
}
