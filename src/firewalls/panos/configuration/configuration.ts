import type { Clock } from '../../../base/clock.ts';
import type { PanosApi } from '../api/api.ts';
import { readIdentity } from '../api/identity.ts';
import { type Job, changesWhatRuns, readJobs } from '../api/jobs.ts';
import { type Folders, foldersOf } from '../entries/read-entries.ts';
import { PushedParts, againMs } from './pushed-parts.ts';
import { type Scope, scopePath } from '../api/scope.ts';
import { command } from '../api/api.ts';
import type { XmlElement } from '../api/xml.ts';

/** A scope's configuration as it runs, and as it would run after a commit of everything. */
export interface ConfigurationReading {
  readonly running: Folders;
  readonly candidate: Folders;
  /** What a Panorama has pushed, if anything. */
  readonly pushed: XmlElement | undefined;
  /** Jobs that change what runs, and are not at their end. */
  readonly busy: readonly Job[];
  /** How often the device was seen to have been started anew. */
  readonly starts: number;
  /** Pushes to firewalls that ended, as one text; of a Panorama alone. */
  readonly pushes: string;
}

interface Known {
  readonly reading: ConfigurationReading;
  readonly jobs: string;
  readonly uptimeSeconds: number | undefined;
  readonly isPending: boolean;
  /** When those questions were asked (monotonic). */
  readonly at: number;
  /** When all was read, and how long that took. */
  readonly readAt: number;
  readonly tookMs: number;
}

/** No text of jobs. */
const UNKNOWN = '?';
/**
 * Who registers addresses need not ask for the configuration again so soon: it is not changed by them, and what somebody else did to it since
 * then is found so much later, far within the time in which drift is found.
 */
const RECENT_MS = 1_000;

/**
 * The configuration of one scope, read when it may have changed: whenever a commit has ended, the device was started, or there are edits
 * that nobody has committed. Else three small questions tell that all is as it was. Whether what the other one of a pair hands on leaves a job behind
 * the reference does not say: there all is read again as time goes by.
 */
export class ConfigurationWatch {
  readonly #scope: Scope;
  #known: Known | undefined;
  readonly #clock: Clock;
  readonly #isHandedOn: boolean;
  readonly #pushed: PushedParts;
  #starts = 0;

  /** `isHandedOn`: it is one of a pair. */
  constructor(scope: Scope, clock: Clock, isHandedOn = false) {
    this.#scope = scope;
    this.#clock = clock;
    this.#isHandedOn = isHandedOn;
    this.#pushed = new PushedParts(clock);
  }

  /** It stood by: what it was given then is not known. */
  forget(): void {
    this.#known = this.#known && { ...this.#known, jobs: UNKNOWN };
  }

  /** As it was read a moment ago, if nothing was under way then; `undefined`: it has to be asked for. */
  get recent(): ConfigurationReading | undefined {
    const known = this.#known;
    if (known === undefined || known.isPending || known.reading.busy.length > 0) return undefined;
    return this.#clock.monotonic() - known.at < RECENT_MS ? known.reading : undefined;
  }

  async read(api: PanosApi, signal: AbortSignal): Promise<ConfigurationReading> {
    const at = this.#clock.monotonic();
    // What may have changed is asked first: what changes while we read is found the next time.
    // A Panorama forgets its jobs when it is started, which tells as much.
    const [identity, jobs, isPending] = await Promise.all([
      this.#scope.kind === 'vsys' ? readIdentity(api, signal) : undefined,
      readJobs(api, signal),
      readPending(api, signal),
    ]);
    const changing = jobs.filter(changesWhatRuns);
    const done = changing.filter(({ finished }) => finished).map(({ id, succeeded }) => `${id}${succeeded ? '' : '!'}`);
    const busy = changing.filter(({ finished }) => !finished);
    const key = done.join(' ');
    const known = this.#known;
    const uptimeSeconds = identity?.uptimeSeconds;
    const isRestarted =
      known?.uptimeSeconds !== undefined && uptimeSeconds !== undefined && uptimeSeconds < known.uptimeSeconds;
    if (isRestarted) this.#starts++;
    const runsAsKnown = known !== undefined && !isRestarted && known.jobs === key && !this.#isOld(known);
    const began = this.#clock.monotonic();
    const [running, pushed] = await Promise.all([
      runsAsKnown ? known.reading.running : this.#running(api, signal),
      this.#scope.kind === 'vsys' ? this.#pushed.read(api, runsAsKnown, signal) : undefined,
    ]);
    const isStill = runsAsKnown && pushed === known.reading.pushed;
    if (isStill && !isPending && !known.isPending && sameBusy(known.reading.busy, busy)) {
      this.#known = { ...known, uptimeSeconds, at };
      return known.reading;
    }
    const candidate = isPending ? await this.#candidate(api, signal) : running;
    const reading = { running, candidate, pushed, busy, starts: this.#starts, pushes: pushesIn(jobs) };
    const now = this.#clock.monotonic();
    const read = runsAsKnown ? known : { readAt: now, tookMs: now - began };
    this.#known = { reading, jobs: key, uptimeSeconds, isPending, at, readAt: read.readAt, tookMs: read.tookMs };
    return reading;
  }

  #isOld({ readAt, tookMs }: Known): boolean {
    return this.#isHandedOn && this.#clock.monotonic() - readAt >= againMs(tookMs);
  }

  /** Both, whatever is thought to be known. */
  async readNow(api: PanosApi, signal: AbortSignal): Promise<Pick<ConfigurationReading, 'running' | 'candidate'>> {
    this.#known = undefined;
    const [running, candidate] = await Promise.all([this.#running(api, signal), this.#candidate(api, signal)]);
    return { running, candidate };
  }

  async #running(api: PanosApi, signal: AbortSignal): Promise<Folders> {
    return this.#folders(await api.running(scopePath(this.#scope), signal));
  }

  async #candidate(api: PanosApi, signal: AbortSignal): Promise<Folders> {
    return this.#folders((await api.candidate(scopePath(this.#scope), signal))[0]);
  }

  #folders(scope: XmlElement | undefined): Folders {
    return foldersOf(scope, this.#scope.kind === 'vsys' ? 'rulebase' : `${this.#scope.rulebase}-rulebase`);
  }
}

/** The pushes among jobs that ended: after one, firewalls may run something else. */
export function pushesIn(jobs: readonly Job[]): string {
  return jobs
    .filter(({ finished, type }) => finished && /^CommitAll/i.test(type))
    .map(({ id }) => id)
    .join(' ');
}

function sameBusy(one: readonly Job[], other: readonly Job[]): boolean {
  return one.length === other.length && one.every(({ id }, at) => id === other[at]?.id);
}

async function readPending(api: PanosApi, signal: AbortSignal): Promise<boolean> {
  const result = await api.op(command(['check', 'pending-changes']), signal);
  // Whatever is not a clear no makes us read.
  return result?.text.trim() !== 'no';
}
