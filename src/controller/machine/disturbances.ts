import { background } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Commit } from '../../firewalls/nftables/reading/monitor-lines.ts';
import type { KernelTable } from './kernel-table.ts';
import { LookPace } from './look-pace.ts';
import type { RuleWriter } from './rule-writer.ts';
import { RulesetWatch } from './ruleset-watch.ts';
import { briefly } from './table-differences.ts';

/** As often at most what somebody changes again and again is put back; without him the kernel is compared as often. */
const LONGEST_LOOK_MS = 5_000;
/** To close takes little. */
const LONGEST_CLOSE_MS = 1_000;

export interface DisturbancesOptions {
  readonly kernel: KernelTable;
  readonly writer: RuleWriter;
  /** Ends the pause before the next look. */
  readonly wake: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** What others change in our tables, as it happens: forwarding is closed at once where it is open for it, then all is put back. */
export class Disturbances {
  readonly #options: DisturbancesOptions;
  readonly #closings: LookPace;
  readonly #looks: LookPace;
  /** Who changed something since the last look, as nft names him. */
  #by = new Set<string>();

  constructor(options: DisturbancesOptions) {
    this.#options = options;
    this.#closings = new LookPace(options.clock, LONGEST_CLOSE_MS);
    this.#looks = new LookPace(options.clock, LONGEST_LOOK_MS);
  }

  /** Until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { kernel, clock, log, wake } = this.#options;
    const watch = new RulesetWatch({
      transport: kernel.transport,
      own: kernel.own,
      quietly: (work) => kernel.quietly(work),
      isWorthIt: () => kernel.isSmall,
      foreign: (commit) => this.#foreign(commit, signal),
      unknown: () => {
        this.#looks.ask();
        wake();
      },
      clock,
      log,
    });
    await watch.run(signal);
  }

  /** Milliseconds until something is to be done; `undefined`: nothing. */
  get due(): number | undefined {
    const [close, look] = [this.#closings.due, this.#looks.due];
    return close === undefined || look === undefined ? (close ?? look) : Math.min(close, look);
  }

  /** Closes where that is due. Gives back what a look at everything has to know, where that is due. */
  async tend(signal: AbortSignal): Promise<{ readonly by: string } | undefined> {
    if (this.#looks.due !== 0) {
      if (this.#closings.due === 0) await this.#close(signal);
      return undefined;
    }
    const by = briefly([...this.#by]);
    this.#by = new Set();
    this.#closings.look();
    if (this.#looks.look())
      this.#options.log.warn(
        { by, atMostEveryMs: LONGEST_LOOK_MS },
        'our rules are changed again and again; they are put back more seldom now',
      );
    return { by };
  }

  #foreign({ by }: Commit, signal: AbortSignal): void {
    const { writer, log, wake } = this.#options;
    this.#by.add(by);
    writer.suspect();
    this.#looks.ask();
    this.#closings.ask();
    if (this.#closings.due === 0) background('closing', this.#close(signal), log);
    wake();
  }

  async #close(signal: AbortSignal): Promise<void> {
    const { writer, log } = this.#options;
    this.#closings.look();
    if (await writer.closeAtOnce(signal))
      log.warn(
        { by: briefly([...this.#by]) },
        'forwarding was opened by somebody else; it is closed until our rules are back',
      );
  }
}
