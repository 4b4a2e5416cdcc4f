import { type SallyportError, toSallyportError } from '../../base/error.ts';

/** Who hears of work that is done again and again. */
export interface Hearers<Work extends string> {
  /** It fails, and did not before, or for another reason. */
  readonly failed: (work: Work, error: SallyportError) => void;
  /** It failed before, and does not any more. */
  readonly mended: (work: Work) => void;
}

/** How often work was done, and how often it failed. */
export interface WorkCounts {
  done: number;
  failed: number;
}

/** Work that is done again and again: a failure is told when it begins or becomes another one, and when it is gone, and not each time. Each work by itself. */
export class ToldOnce<Work extends string = string> {
  readonly counts = new Map<Work, WorkCounts>();
  readonly #hearers: Hearers<Work>;
  readonly #failures = new Map<Work, string>();

  constructor(hearers: Hearers<Work>) {
    this.#hearers = hearers;
  }

  /** What the work gives; `undefined` where it failed. Never rejects. What ends because the signal aborts is no failure. */
  async try<T>(work: Work, does: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      const given = await does();
      this.#countsOf(work).done += 1;
      if (this.#failures.delete(work)) this.#hearers.mended(work);
      return given;
    } catch (thrown) {
      if (signal.aborted) return undefined;
      const error = toSallyportError(thrown);
      this.#countsOf(work).failed += 1;
      const isNews = this.#failures.get(work) !== error.message;
      this.#failures.set(work, error.message);
      if (isNews) this.#hearers.failed(work, error);
      return undefined;
    }
  }

  #countsOf(work: Work): WorkCounts {
    const known = this.counts.get(work);
    if (known !== undefined) return known;
    const counts: WorkCounts = { done: 0, failed: 0 };
    this.counts.set(work, counts);
    return counts;
  }
}
