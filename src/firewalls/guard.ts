import type { GuardLimit } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import type { Exposure } from '../plan/step.ts';
import type { Traffic } from '../plan/traffic.ts';

/** The guard's part of a BorderFirewall. */
export interface GuardLimits {
  readonly removals: GuardLimit;
  readonly gains: GuardLimit;
}

export interface GuardQuestion {
  readonly traffic: Traffic;
  readonly exposures: readonly Exposure[];
  readonly limits: GuardLimits;
  /** Who sends from an address; addresses of one owner count once. `undefined`: nobody known, the address counts for itself. */
  readonly ownerOf: (address: string) => string | undefined;
  /** Whether an address that leaves has lost its owner; then what it may send counts for nobody. */
  readonly isGone: (address: string) => boolean;
  /** Number of owners known before the change. */
  readonly existing: () => number;
}

export type Judgement = { readonly kind: 'go' } | { readonly kind: 'stop'; readonly reasons: readonly string[] };

/** Owners that gain and that lose traffic by one change. */
interface Affected {
  readonly gains: ReadonlySet<string>;
  readonly losses: ReadonlySet<string>;
}

const HOUR_MS = 3_600_000;

/**
 * Stops mass accidents in either direction (design invariant 4). Counts owners that were known before and still are, and addresses
 * that leave their rules while somebody still owns them; newcomers and addresses given up never count. Remembers one hour of what it
 * let go ahead, so that an accident in small portions is stopped as well.
 */
export class Guard {
  readonly #clock: Clock;
  /** Owner → monotonic time of its last change. */
  readonly #gained = new Map<string, number>();
  readonly #lost = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a change may go ahead without a yes. Does not remember it: see `passed`. */
  judge(question: GuardQuestion): Judgement {
    const { limits, exposures, traffic } = question;
    const affected = affectedBy(question);
    const reasons = [
      ...this.#beyond('lose traffic', affected.losses, this.#lost, limits.removals, question),
      ...this.#beyond('gain traffic', affected.gains, this.#gained, limits.gains, question),
    ];
    if (!traffic.unknownGained.isEmpty)
      reasons.push(`unknown senders in ${traffic.unknownGained.toString()} would no longer be dropped`);
    if (!traffic.freed.isEmpty) reasons.push(`traffic to ${traffic.freed.toString()} would no longer be judged here`);
    for (const { direction, flows } of exposures)
      if (direction === 'open') reasons.push(`${flows} would be open on the way`);
    return reasons.length === 0 ? { kind: 'go' } : { kind: 'stop', reasons };
  }

  /** Remembers a change that went ahead within the limits; one that a person said yes to is not remembered. */
  passed(question: GuardQuestion): void {
    const now = this.#clock.monotonic();
    const { gains, losses } = affectedBy(question);
    for (const owner of gains) this.#gained.set(owner, now);
    for (const owner of losses) this.#lost.set(owner, now);
  }

  #beyond(
    what: string,
    owners: ReadonlySet<string>,
    memory: Map<string, number>,
    limit: GuardLimit,
    question: GuardQuestion,
  ): readonly string[] {
    if (owners.size === 0) return [];
    const before = this.#clock.monotonic() - HOUR_MS;
    for (const [owner, at] of memory) if (at <= before) memory.delete(owner);
    const inHour = new Set([...memory.keys(), ...owners]).size;
    if (owners.size < limit.atLeast && inHour < limit.atLeast) return [];
    const existing = question.existing();
    const share = (count: number): number => (existing === 0 ? 100 : (100 * count) / existing);
    if (owners.size >= limit.atLeast && share(owners.size) > limit.percent)
      return [`${owners.size} of ${existing} workloads ${what}, more than ${limit.percent} %`];
    if (inHour >= limit.atLeast && share(inHour) > limit.percentPerHour)
      return [`${inHour} of ${existing} workloads ${what} within an hour, more than ${limit.percentPerHour} %`];
    return [];
  }
}

function affectedBy({ traffic, ownerOf, isGone }: GuardQuestion): Affected {
  const gains = new Set<string>();
  const losses = new Set<string>();
  for (const { presence, senders, flows } of traffic.changes) {
    if (presence === 'joins') continue;
    const gain = flows === undefined || !flows.gained.isEmpty;
    const loss = flows === undefined || !flows.lost.isEmpty;
    for (const sender of senders) {
      // Losing with an address that one has given up takes nothing from anybody.
      if (presence === 'leaves' && isGone(sender)) continue;
      const owner = ownerOf(sender) ?? sender;
      if (gain) gains.add(owner);
      if (loss) losses.add(owner);
    }
  }
  return { gains, losses };
}
