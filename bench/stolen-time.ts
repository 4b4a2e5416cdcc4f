import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** A tick of /proc, of one core. */
const TICK_MS = 10;
const LOOK_MS = 50;

/** What a machine was not given by its host while something was measured, in milliseconds, its cores on average: both of two for a second are a second. */
export interface Stolen {
  readonly stolenMs: number;
  /** Between two looks: whoever waits then waits for so much longer, whatever is measured. */
  readonly longestStolenMs: number;
}

/** Watches how much time the host of a machine keeps for itself: the slowest hundredth of anything says little without it. */
export class StolenTime {
  readonly #first = stolenMs();
  readonly #timer: NodeJS.Timeout;
  #last = this.#first;
  #longest = 0;

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Ends the watch. */
  end(): Stolen {
    clearInterval(this.#timer);
    this.#look();
    return { stolenMs: Math.round(this.#last - this.#first), longestStolenMs: Math.round(this.#longest) };
  }

  #look(): void {
    const now = stolenMs();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }
}

/** Since the machine was started. */
function stolenMs(): number {
  // cpu user nice system idle iowait irq softirq steal …
  const [, ...ticks] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/\s+/) ?? [];
  return (Number(ticks[7]) * TICK_MS) / availableParallelism();
}
