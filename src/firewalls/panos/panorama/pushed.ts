import type { Clock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import type { PanosApi } from '../api/api.ts';
import { changesWhatRuns, readJobs } from '../api/jobs.ts';
import { scopePath } from '../api/scope.ts';
import type { XmlElement } from '../api/xml.ts';
import { PUSHED } from '../configuration/pushed-rules.ts';
import { holdsOurs } from '../entries/owned.ts';
import { foldersOf } from '../entries/read-entries.ts';

/** So often a firewall is asked for jobs of its own: what somebody does to it there is rare. */
const ASK_AGAIN_MS = 60_000;

/** What a firewall runs beside what it was told by hand. */
export interface PushedReading {
  /** `undefined`: nothing was ever pushed. */
  readonly root: XmlElement | undefined;
  /** Its own vsys bears marks of our cluster: another BorderFirewall keeps the firewall itself. */
  readonly isKeptItself: boolean;
}

interface Known extends PushedReading {
  readonly pushes: string;
  /** Jobs of the firewall itself. */
  readonly own: string;
  /** When its jobs were asked for (monotonic). */
  readonly at: number;
}

/**
 * What was pushed to one firewall, asked from it through Panorama: the truth about what it runs of ours. Read when a job may have changed it.
 */
export class PushedWatch {
  readonly #serial: string;
  readonly #vsys: string;
  readonly #cluster: string;
  readonly #clock: Clock;
  #known: Known | undefined;

  constructor({ serial, vsys }: { readonly serial: string; readonly vsys: string }, cluster: string, clock: Clock) {
    this.#serial = serial;
    this.#vsys = vsys;
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /**
   * The same root as long as nothing changed. `pushes`: those that Panorama tells of. `isSettled`: it holds something of ours, so that nobody else
   * of ours begins there; else it is asked for its jobs at once.
   */
  async read(api: PanosApi, pushes: string, isSettled: boolean, signal: AbortSignal): Promise<PushedReading> {
    const where = { target: this.#serial };
    const known = this.#known;
    const at = this.#clock.monotonic();
    if (known?.pushes === pushes && isSettled && at - known.at < ASK_AGAIN_MS) return known;
    const jobs = await readJobs(api, signal, where);
    const own = jobs
      .filter((job) => job.finished && changesWhatRuns(job))
      .map(({ id }) => id)
      .join(' ');
    if (known?.pushes === pushes && known.own === own) {
      this.#known = { ...known, at };
      return this.#known;
    }
    const [root, vsys] = await Promise.all([
      api.running(PUSHED, signal, where),
      api.running(scopePath({ kind: 'vsys', vsys: this.#vsys }), signal, where),
    ]);
    const isKeptItself = holdsOurs(foldersOf(vsys, 'rulebase'), this.#cluster);
    this.#known = { pushes, own, root, isKeptItself, at };
    return this.#known;
  }

  /** It was away, or did something of which nobody told. */
  forget(): void {
    this.#known = undefined;
  }
}

/** Another one has begun to keep the firewall itself, since it was read. */
export function begun(): SallyportError {
  return new SallyportError('DEVICE_CHANGED', 'another BorderFirewall of this cluster has begun to keep it');
}
