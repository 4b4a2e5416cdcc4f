import { FakeClock } from './fake-clock.ts';

/** Time stands still but for what takes none: commits end by themselves. */
export class CommitClock extends FakeClock {
  override after(ms: number, callback: () => void): () => void {
    if (ms > 0) return super.after(ms, callback);
    const timer = setTimeout(callback, 0);
    return () => clearTimeout(timer);
  }
}
