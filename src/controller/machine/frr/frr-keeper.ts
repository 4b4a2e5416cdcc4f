import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Code } from '../../../base/catalogue.ts';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { localFiles, SallyportError, toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import { frrText } from '../../../machine/frr/frr-text.ts';
import type { Routing } from '../../../machine/frr/routing.ts';
import { readIfThere, replaceFile } from '../rule-files.ts';
import type { FrrProgram } from './frr-program.ts';

/** What became of the configuration of FRR. */
export type FrrOutcome =
  /** FRR has it. */
  | { readonly kind: 'inForce'; readonly isChanged: boolean }
  /** FRR does not run; it will begin with it. */
  | { readonly kind: 'waiting' }
  /** There is no FRR on this machine. */
  | { readonly kind: 'absent' }
  /** What was in force before still is. */
  | { readonly kind: 'failed'; readonly code: Code; readonly because: string };

/** What FRR is to do, and the file that says so: `/etc/frr/frr.conf`. */
export interface FrrWanted {
  readonly routing: Routing;
  readonly path: string;
  /** Whether the distance is announced at all. */
  readonly announcesDistance: boolean;
}

/** How FRR stands. */
export interface FrrStanding {
  /** `undefined`: nothing is known yet. */
  readonly state: FrrOutcome['kind'] | undefined;
  /** Since when (wall) it has the configuration that it has from us; `undefined`: it has none, or is not known to. */
  readonly since: number | undefined;
  /** Changes of its configuration. */
  readonly reloads: { readonly done: number; readonly failed: number };
  /** Of BGP, up; `undefined`: nobody asked. */
  readonly sessions: number | undefined;
}

export interface FrrKeeperOptions {
  /** `undefined`: not known, or the rules of this machine do not hold yet, or nothing may be changed. */
  readonly wanted: () => FrrWanted | undefined;
  readonly program: Pick<FrrProgram, 'version' | 'refusalOf' | 'runs' | 'reload' | 'sessions'>;
  /** Hears every outcome that differs from the one before. */
  readonly told: (outcome: FrrOutcome) => void;
  readonly clock: Clock;
  readonly log: Log;
}

const INTERVAL_MS = 10_000;
/** What was refused is not tried sooner, unless it changes. */
const RETRY_MS = 300_000;
/** So long after a reload sessions that it ended are seen to be down. */
const SETTLE_MS = 3_000;
/** So long sessions may take to come back. */
const BACK_MS = 20_000;
const LOOK_MS = 500;
/** How often sessions are counted: it takes a process of its own. */
const COUNT_MS = 60_000;

/**
 * Keeps the configuration of FRR as the machine's networks say: checked by a dry run before anything is replaced, loaded only where it
 * differs, and put back if FRR does not take it or loses sessions over it. The text before lies beside the file until the new one is proved, so that an
 * end in between is made good at the next start. Never ends for want of FRR.
 */
export class FrrKeeper {
  readonly #options: FrrKeeperOptions;
  #told = '';
  #distance = 0;
  /** What was tried last in vain, and when. */
  #failed: { readonly text: string; readonly at: number } | undefined;
  #version: number | undefined;
  #versionOf: Routing | undefined;
  #state: FrrOutcome['kind'] | undefined;
  #since: number | undefined;
  readonly #reloads = { done: 0, failed: 0 };
  #sessions: { readonly up: number; readonly at: number } | undefined;

  constructor(options: FrrKeeperOptions) {
    this.#options = options;
  }

  /** What FRR was last seen to announce; `undefined`: distances are not. */
  get distance(): number | undefined {
    return this.#options.wanted()?.announcesDistance === true ? this.#distance : undefined;
  }

  get standing(): FrrStanding {
    return { state: this.#state, since: this.#since, reloads: this.#reloads, sessions: this.#sessions?.up };
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look(signal);
      await elapsed(this.#options.clock, INTERVAL_MS, signal);
    }
  }

  /** Does what is to be done now. Never throws. */
  async look(signal: AbortSignal): Promise<void> {
    const { wanted, clock } = this.#options;
    const now = wanted();
    if (now === undefined) return;
    const { routing, path } = now;
    let text: string | undefined;
    try {
      const version = await this.#versionFor(routing, signal);
      if (version === undefined) return this.#tell({ kind: 'absent' }, path);
      text = frrText(routing, version);
      const failed = this.#failed;
      if (failed?.text === text && clock.monotonic() - failed.at < RETRY_MS) return;
      this.#failed = undefined;
      const outcome = await this.#keep(text, path, signal);
      if (outcome.kind === 'failed') this.#failed = { text, at: clock.monotonic() };
      if (outcome.kind === 'inForce') this.#distance = routing.distance;
      this.#tell(outcome, path);
      await this.#count(outcome, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      if (text !== undefined) this.#failed = { text, at: clock.monotonic() };
      const { code, message } = toSallyportError(thrown);
      this.#tell({ kind: 'failed', code, because: message }, path);
    }
  }

  /** Asked anew whenever something else is wanted, and until there is one: FRR may be installed or replaced while we run. */
  async #versionFor(routing: Routing, signal: AbortSignal): Promise<number | undefined> {
    if (this.#version === undefined || this.#versionOf !== routing) {
      this.#version = await this.#options.program.version(signal);
      this.#versionOf = routing;
    }
    return this.#version;
  }

  async #keep(text: string, path: string, signal: AbortSignal): Promise<FrrOutcome> {
    const { program } = this.#options;
    const beside = join(dirname(path), `.${basename(path)}.before`);
    const [found, before] = [await readIfThere(path), await readIfThere(beside)];
    if (found === text && before === undefined) return { kind: 'inForce', isChanged: false };
    const refusal = await program.refusalOf(text, signal);
    if (refusal !== undefined) {
      // An end of this process came between: nobody knows whether what stands there is any good.
      if (before !== undefined) await this.#putBack(before, path, refusal, signal);
      await localFiles(rm(beside, { force: true }));
      return { kind: 'failed', code: 'FRR_REFUSED', because: refusal };
    }
    // Of an end that came between: what lies beside is the last text that is known to be good.
    const good = before ?? found ?? '';
    if (before === undefined) await this.#replace(beside, good, path);
    await this.#replace(path, text, path);
    const outcome = await this.#tryToBringInForce(signal);
    if (outcome.kind === 'failed') await this.#putBack(good, path, outcome.because, signal);
    await localFiles(rm(beside, { force: true }));
    return outcome;
  }

  /** Rejects with FRR_RELOAD_FAILED where FRR does not take it either; then what lies beside stays. */
  async #putBack(good: string, path: string, because: string, signal: AbortSignal): Promise<void> {
    if (good === '') return await localFiles(rm(path, { force: true }));
    await this.#replace(path, good, path);
    const { program } = this.#options;
    const again = (await program.runs(signal)) ? await program.reload(signal) : undefined;
    if (again !== undefined)
      throw new SallyportError('FRR_RELOAD_FAILED', `${because}; nor does it take what it held before: ${again}`);
  }

  async #tryToBringInForce(signal: AbortSignal): Promise<FrrOutcome> {
    try {
      return await this.#bringInForce(signal);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      return { kind: 'failed', code: 'FRR_RELOAD_FAILED', because: toSallyportError(thrown).message };
    }
  }

  /** Loads what is in the file, and looks whether sessions that were up are so again. */
  async #bringInForce(signal: AbortSignal): Promise<FrrOutcome> {
    const { program, clock } = this.#options;
    if (!(await program.runs(signal))) return { kind: 'waiting' };
    const up = await program.sessions(signal);
    const problem = await program.reload(signal);
    if (problem !== undefined) return { kind: 'failed', code: 'FRR_RELOAD_FAILED', because: problem };
    const began = clock.monotonic();
    if (up.size > 0) await elapsed(clock, SETTLE_MS, signal);
    for (;;) {
      signal.throwIfAborted();
      const now = up.size === 0 ? up : await program.sessions(signal);
      const lost = [...up].filter((session) => !now.has(session));
      if (lost.length === 0) return { kind: 'inForce', isChanged: true };
      if (clock.monotonic() - began >= BACK_MS)
        return {
          kind: 'failed',
          code: 'FRR_RELOAD_FAILED',
          because: `BGP sessions did not come back: ${lost.join(', ')}`,
        };
      await elapsed(clock, LOOK_MS, signal);
    }
  }

  /** With owner and mode of the file that is there, else of those that FRR's folder has. */
  async #replace(file: string, text: string, like: string): Promise<void> {
    const { uid, gid, mode } = await localFiles(stat(like).catch(() => stat(dirname(like))));
    await replaceFile(file, text, mode & 0o640, { uid, gid });
  }

  /** Nothing depends on it: what is not known is left out. */
  async #count(outcome: FrrOutcome, signal: AbortSignal): Promise<void> {
    const { program, clock } = this.#options;
    if (outcome.kind !== 'inForce') return;
    if (this.#sessions === undefined || clock.monotonic() - this.#sessions.at >= COUNT_MS) {
      const up = await program.sessions(signal).catch(() => undefined);
      this.#sessions = up && { up: up.size, at: clock.monotonic() };
    }
  }

  #tell(outcome: FrrOutcome, file: string): void {
    const { log, told, clock } = this.#options;
    if (outcome.kind === 'failed') this.#reloads.failed += 1;
    const isLoaded = outcome.kind === 'inForce' && outcome.isChanged;
    if (isLoaded) this.#reloads.done += 1;
    if (isLoaded || (outcome.kind === 'inForce' && this.#since === undefined)) this.#since = clock.wall();
    if (outcome.kind === 'waiting' || outcome.kind === 'absent') this.#since = undefined;
    if (outcome.kind !== 'inForce') this.#sessions = undefined;
    this.#state = outcome.kind;
    const key = outcome.kind === 'failed' ? outcome.because : outcome.kind;
    const isNews = key !== this.#told || (outcome.kind === 'inForce' && outcome.isChanged);
    this.#told = key;
    if (!isNews) return;
    if (outcome.kind === 'failed')
      log.error({ code: outcome.code, file, problem: outcome.because }, 'FRR keeps what it held');
    else if (outcome.kind === 'absent') log.info({}, 'there is no FRR on this machine');
    else if (outcome.kind === 'waiting') log.warn({ file }, 'FRR does not run; it will begin with this file');
    else log.info({ file, changed: outcome.isChanged }, 'FRR has its configuration');
    told(outcome);
  }
}
