import type { Clock } from '../base/clock.ts';
import type { WorkerStatus } from '../firewalls/worker-status.ts';
import type { SourceState } from '../sources/source.ts';
import type { Metrics } from './metrics.ts';

const CONDITIONS = ['Ready', 'Reconciling', 'Stalled', 'Frozen', 'Waiting', 'Drifted'] as const;
/** While a plan waits for days, only so many versions are timed. */
const MOST_TIMED = 10_000;

/** What happens in a controller as numbers. */
export class Meter {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  /** When (monotonic) the first change of a version could be read. */
  readonly #arrived = new Map<number, number>();
  #frozenSince: number | undefined;

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
    this.#frozenSince = state.kind === 'frozen' ? state.sinceMs : undefined;
    frozenSeconds.age = () => ({
      source,
      seconds: this.#frozenSince === undefined ? 0 : Math.max(0, (this.#clock.wall() - this.#frozenSince) / 1_000),
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

  status(firewall: string, { conditions, counts, desiredVersion = 0, confirmedVersion = 0 }: WorkerStatus): void {
    const holds = new Set(conditions.filter(({ status }) => status).map(({ type }) => type));
    this.#conditions(firewall, (condition) => holds.has(condition));
    this.#metrics.members.set({ firewall }, counts.senders);
    this.#metrics.behind.set({ firewall }, Math.max(0, desiredVersion - confirmedVersion));
  }

  unopened(firewall: string): void {
    this.#conditions(firewall, (condition) => condition === 'Stalled');
  }

  /** A firewall is gone, or another copy's. */
  forget(firewall: string): void {
    const { condition, members, behind, confirmSeconds, liveSeconds, applySeconds } = this.#metrics;
    const { releaseSeconds, releasesOpen, reuses } = this.#metrics;
    for (const each of CONDITIONS) condition.remove({ firewall, condition: each });
    for (const metric of [members, behind, confirmSeconds, liveSeconds, releaseSeconds, releasesOpen, reuses])
      metric.remove({ firewall });
    for (const result of ['accepted', 'refused']) applySeconds.remove({ firewall, result });
    for (const sender of ['early', 'nobody']) this.#metrics.unknownDrops.remove({ firewall, sender });
  }

  #conditions(firewall: string, holds: (condition: (typeof CONDITIONS)[number]) => boolean): void {
    for (const condition of CONDITIONS) this.#metrics.condition.set({ firewall, condition }, Number(holds(condition)));
  }
}
