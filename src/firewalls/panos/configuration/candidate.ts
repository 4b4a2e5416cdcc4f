import type { Clock } from '../../../base/clock.ts';
import { SallyportError, toSallyportError } from '../../../base/error.ts';
import type { MayGoOn } from '../../driver.ts';
import type { InUse } from '../../rulebase/in-use.ts';
import type { Edit, PanosApi } from '../api/api.ts';
import { startCommit } from '../api/commit.ts';
import type { ConfigurationWatch } from './configuration.ts';
import { type Positions, editsBetween } from './edits.ts';
import type { Entries } from '../entries/entries.ts';
import { referencedIn, whereNothingChanged } from '../api/errors.ts';
import { inUseOn, leftIn, noteRefused } from './in-use.ts';
import { changesWhatRuns, endOfJob, jobProblem, readJobs, waitForJobs } from '../api/jobs.ts';
import { ConfigLock } from '../api/locks.ts';
import { digestOf, ownedIn } from '../entries/owned.ts';
import type { Folders } from '../entries/read-entries.ts';
import { type Scope, scopeWord } from '../api/scope.ts';

/** Edits of one request: the device takes 500 (reference 1.13). */
const MOST_EDITS = 500;
/** How long taking back edits may take when the caller's time is over. */
const TAKE_BACK_MS = 20_000;

export interface CandidateOptions {
  readonly scope: Scope;
  readonly cluster: string;
  readonly positions: Positions;
  readonly clock: Clock;
}

/** The one candidate configuration of a firewall or a Panorama, which everybody edits: our part of it, and commits of that alone. */
export class Candidate {
  readonly #api: PanosApi;
  readonly #watch: ConfigurationWatch;
  readonly #options: CandidateOptions;
  /** What the device did not let go. */
  readonly inUse: InUse;
  readonly lock: ConfigLock;
  #warnings: readonly string[] = [];

  constructor(api: PanosApi, watch: ConfigurationWatch, options: CandidateOptions) {
    this.#api = api;
    this.#watch = watch;
    this.#options = options;
    this.inUse = inUseOn(options.clock);
    this.lock = new ConfigLock(api, scopeWord(options.scope));
  }

  /**
   * Brings what runs to what it shall be: edits under the lock, and a commit of our own work, followed to its end. What refused edits or a failed
   * commit leave is taken back, so that nobody else publishes it. `check` is asked under the lock with the digest of what of ours runs, and with all that does, and
   * rejects where this was made for something else.
   */
  async commit(
    after: Entries,
    check: (runs: string, running: Folders) => Promise<void> | void,
    signal: AbortSignal,
    mayGoOn: MayGoOn,
  ): Promise<void> {
    const { scope, cluster } = this.#options;
    const admin = await accountOf(this.#api, signal);
    await waitForJobs(this.#api, signal);
    const started = await this.lock.hold(signal, mayGoOn, async () => {
      const { running, candidate } = await this.#watch.readNow(this.#api, signal);
      const runs = digestOf(ownedIn(running, cluster));
      await check(runs, running);
      const edits = this.#editsTo(after, candidate);
      if (edits.length === 0 && runs === digestOf(after)) return undefined;
      try {
        await this.#edit(edits, signal, mayGoOn);
        return await startCommit(this.#api, scope, admin, signal, mayGoOn).catch((thrown: unknown) => {
          throw whereNothingChanged(thrown);
        });
      } catch (thrown) {
        // Of several requests some may have been carried out. What went wrong first is what people have to know.
        await this.#undo(admin, AbortSignal.timeout(TAKE_BACK_MS), mayGoOn).catch(() => undefined);
        throw thrown;
      }
    });
    if (started === undefined) return;
    // Where its end is not told it may still come: then nothing is taken back before that is read.
    const job = await endOfJob(this.#api, started, signal);
    const problem = jobProblem(job, `the commit of ${scopeWord(scope)}`);
    if (problem === undefined) this.#warnings = [...this.#warnings, ...job.warnings];
    else {
      if (problem.blame === 'rejected') await this.takeBack(signal, mayGoOn);
      throw problem;
    }
  }

  /** What commits warned of since this was asked last. */
  warnings(): readonly string[] {
    const told = this.#warnings;
    this.#warnings = [];
    return told;
  }

  /** Makes what is ours in it what runs: edits of a process that died, or that a commit refused. */
  async takeBack(signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    const { cluster } = this.#options;
    await this.lock.hold(signal, mayGoOn, async () => {
      const { running, candidate } = await this.#watch.readNow(this.#api, signal);
      await this.#edit(this.#editsTo(ownedIn(running, cluster), candidate), signal, mayGoOn);
    });
  }

  /**
   * Of a commit that was not even begun, as far as is known; the lock is held. Where its answer alone was lost it may be under way, and take up
   * what is there when its turn comes: all that it shall have, and no part of what was there before.
   */
  async #undo(admin: string, signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    const jobs = await readJobs(this.#api, signal);
    if (jobs.some((job) => !job.finished && job.user === admin && changesWhatRuns(job))) return;
    const { running, candidate } = await this.#watch.readNow(this.#api, signal);
    const before = ownedIn(running, this.#options.cluster);
    await this.#edit(this.#editsTo(before, candidate), signal, mayGoOn);
  }

  #editsTo(target: Entries, candidate: Folders): readonly Edit[] {
    return editsBetween(candidate, target, {
      ...this.#options,
      left: leftIn(candidate, this.inUse, this.#options.cluster),
    });
  }

  async #edit(edits: readonly Edit[], signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    for (let from = 0; from < edits.length; from += MOST_EDITS) {
      const batch = edits.slice(from, from + MOST_EDITS);
      try {
        await this.#api.edit(batch, signal, mayGoOn);
      } catch (thrown) {
        const left = this.inUse.version;
        noteRefused(referencedIn(thrown), batch, this.#options.scope, this.inUse);
        // All is as it was read under the lock.
        if (this.inUse.version === left) throw whereNothingChanged(thrown);
        this.#warnings = [...this.#warnings, `${toSallyportError(thrown).message}; it stays for ten minutes`];
        throw thrown;
      }
    }
  }
}

/** The name of the account: without it a commit would publish what others have edited. */
export async function accountOf(api: PanosApi, signal: AbortSignal): Promise<string> {
  const { user } = await api.account(signal);
  if (user !== undefined) return user;
  throw new SallyportError(
    'DEVICE_CREDENTIALS',
    'write "user" beside "key" into the credentials: commits are limited to what this account has edited',
  );
}
