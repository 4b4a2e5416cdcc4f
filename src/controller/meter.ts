import type { Clock } from '../base/clock.ts';
import type { TableUse } from '../firewalls/driver.ts';
import type { WorkerStatus } from '../firewalls/worker/worker-status.ts';
import type { SourceState } from '../sources/source.ts';
import type { Metrics } from './metrics.ts';

/** While a plan waits for days, only so many versions are timed. */
const MOST_TIMED = 10_000;

/** What happens in a controller as numbers. */
export class Meter {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  /** When (monotonic) the first change of a version could be read. */
  readonly #arrived = new Map<number, number>();
  /** Since when a source is frozen, as it says, and when (monotonic) that was: afterwards the wall clock may jump. */
  #frozen: { readonly sinceMs: number; readonly at: number } | undefined;
  /** Tables that a firewall told of. */
  readonly #told = new Map<string, ReadonlySet<string>>();
  readonly #tablesOf = new Map<string, readonly TableUse[]>();

  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  /** A delivery that came at a time (monotonic) was computed as this version of the world, in so many milliseconds. */
  took(source: string, state: SourceState, version: number, arrivedAt: number, ms: number): void {
    const { computeSeconds, sourceState, frozenSeconds } = this.#metrics;
    computeSeconds.observe(ms / 1_000);
    for (const kind of ['loading', 'complete', 'frozen'])
      sourceState.set({ source, state: kind }, Number(kind === state.kind));
    this.#frozen = state.kind === 'frozen' ? this.#frozenAt(state.sinceMs) : undefined;
    frozenSeconds.age = () => ({
      source,
      seconds: this.#frozen === undefined ? 0 : (this.#clock.monotonic() - this.#frozen.at) / 1_000,
    });
    this.#arrived.set(version, arrivedAt);
    for (const oldest of this.#arrived.keys()) {
      if (this.#arrived.size <= MOST_TIMED) break;
      this.#arrived.delete(oldest);
    }
  }

  /** A version was read back whole, so many milliseconds after it was wished for. */
  confirmed(firewall: string, version: number, ms: number): void {
    this.#metrics.confirmSeconds.observe({ firewall }, ms / 1_000);
    const arrived = this.#arrived.get(version);
    if (arrived !== undefined)
      this.#metrics.liveSeconds.observe({ firewall }, (this.#clock.monotonic() - arrived) / 1_000);
  }

  /** One write was accepted, or refused. */
  wrote(firewall: string, ms: number, isAccepted: boolean): void {
    const result = isAccepted ? 'accepted' : 'refused';
    this.#metrics.applySeconds.observe({ firewall, result }, ms / 1_000);
  }

  status(firewall: string, status: WorkerStatus): void {
    const { counts, tables, desiredVersion = 0, confirmedVersion = 0 } = status;
    this.#metrics.members.set({ firewall }, counts.senders);
    this.#metrics.behind.set({ firewall }, Math.max(0, desiredVersion - confirmedVersion));
    this.#tables(firewall, tables);
  }

  /** A firewall is gone, or another copy's. */
  forget(firewall: string): void {
    const { members, behind, confirmSeconds, liveSeconds, applySeconds } = this.#metrics;
    const { releaseSeconds, releasesOpen, reuses } = this.#metrics;
    for (const metric of [members, behind, confirmSeconds, liveSeconds, releaseSeconds, releasesOpen, reuses])
      metric.remove({ firewall });
    for (const result of ['accepted', 'refused']) applySeconds.remove({ firewall, result });
    this.#tables(firewall, []);
    this.#tablesOf.delete(firewall);
    for (const sender of ['early', 'nobody']) this.#metrics.unknownDrops.remove({ firewall, sender });
  }

  #frozenAt(sinceMs: number): { readonly sinceMs: number; readonly at: number } {
    if (this.#frozen?.sinceMs === sinceMs) return this.#frozen;
    const age = Math.max(0, this.#clock.wall() - sinceMs);
    return { sinceMs, at: this.#clock.monotonic() - age };
  }

  #tables(firewall: string, tables: readonly TableUse[]): void {
    if (this.#tablesOf.get(firewall) === tables) return;
    this.#tablesOf.set(firewall, tables);
    const { tableEntries, tableLimit } = this.#metrics;
    const told = new Set(tables.map(({ table }) => table));
    for (const table of this.#told.get(firewall) ?? [])
      if (!told.has(table)) for (const metric of [tableEntries, tableLimit]) metric.remove({ firewall, table });
    for (const { table, used, most } of tables) {
      tableEntries.set({ firewall, table }, used);
      tableLimit.set({ firewall, table }, most);
    }
    if (told.size === 0) this.#told.delete(firewall);
    else this.#told.set(firewall, told);
  }
}
