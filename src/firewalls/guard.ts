import type { GuardLimit } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import type { Exposure } from '../plan/step.ts';
import type { ListChange } from '../plan/lists.ts';
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
  /** Whether the owner of an address that joins has it only now; joining a list then counts for nobody. */
  readonly isNew: (address: string) => boolean;
  /** Number of owners known before the change. */
  readonly existing: () => number;
}

export type Judgement = { readonly kind: 'go' } | { readonly kind: 'stop'; readonly reasons: readonly string[] };

/** Owners that gain and that lose traffic by one change, at the firewall or by one of its lists. */
interface Affected {
  /** Empty for the firewall, else the list's name. */
  readonly list: string;
  readonly gains: ReadonlySet<string>;
  readonly losses: ReadonlySet<string>;
  /** Number of owners of whom these are a part. */
  readonly existing: () => number;
}

/** Owner → monotonic time of its last change. */
interface Hour {
  readonly gained: Map<string, number>;
  readonly lost: Map<string, number>;
}

const HOUR_MS = 3_600_000;

/**
 * Stops mass accidents in either direction (design invariant 4). Counts owners that were known before and still are, and addresses
 * that leave their rules while somebody still owns them; newcomers and addresses given up never count. A list that rules of others use is
 * counted by itself, against those who were in it, because a list of few is easily emptied or flooded beside many workloads. Remembers one
 * hour of what it let go ahead, so that an accident in small portions is stopped as well.
 */
export class Guard {
  readonly #clock: Clock;
  /** By list; the firewall's own has the empty name. */
  readonly #hours = new Map<string, Hour>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a change may go ahead without a yes. Does not remember it: see `passed`. */
  judge(question: GuardQuestion): Judgement {
    const { limits, exposures, traffic } = question;
    const reasons = affectedBy(question).flatMap(({ list, losses, gains, existing }) => {
      const by = list === '' ? '' : ` by the list "${list}"`;
      const { lost, gained } = this.#hourOf(list);
      return [
        ...this.#beyond(`lose traffic${by}`, losses, lost, limits.removals, existing),
        ...this.#beyond(`gain traffic${by}`, gains, gained, limits.gains, existing),
      ];
    });
    for (const { list, resource, opens, leaves } of traffic.lists) {
      const owned = leaves.filter((address) => !question.isGone(address)).length;
      if (opens && owned > 0)
        reasons.push(`the list "${list}" denies ${owned} addresses, and ${resource} that asked for it is gone`);
    }
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
    for (const { list, gains, losses } of affectedBy(question)) {
      const { gained, lost } = this.#hourOf(list);
      for (const owner of gains) gained.set(owner, now);
      for (const owner of losses) lost.set(owner, now);
    }
  }

  #hourOf(list: string): Hour {
    const known = this.#hours.get(list) ?? { gained: new Map(), lost: new Map() };
    this.#hours.set(list, known);
    return known;
  }

  #beyond(
    what: string,
    owners: ReadonlySet<string>,
    memory: Map<string, number>,
    limit: GuardLimit,
    countExisting: () => number,
  ): readonly string[] {
    if (owners.size === 0) return [];
    const before = this.#clock.monotonic() - HOUR_MS;
    for (const [owner, at] of memory) if (at <= before) memory.delete(owner);
    const inHour = new Set([...memory.keys(), ...owners]).size;
    if (owners.size < limit.atLeast && inHour < limit.atLeast) return [];
    const existing = countExisting();
    const share = (count: number): number => (existing === 0 ? 100 : (100 * count) / existing);
    if (owners.size >= limit.atLeast && share(owners.size) > limit.percent)
      return [`${owners.size} of ${existing} workloads ${what}, more than ${limit.percent} %`];
    if (inHour >= limit.atLeast && share(inHour) > limit.percentPerHour)
      return [`${inHour} of ${existing} workloads ${what} within an hour, more than ${limit.percentPerHour} %`];
    return [];
  }
}

function affectedBy(question: GuardQuestion): readonly Affected[] {
  return [byTraffic(question), ...question.traffic.lists.map((change) => byList(change, question))];
}

function byTraffic({ traffic, ownerOf, isGone, existing }: GuardQuestion): Affected {
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
  return { list: '', gains, losses, existing };
}

function byList({ list, gained, lost, joins, before }: ListChange, question: GuardQuestion): Affected {
  const { ownerOf, isGone, isNew } = question;
  const joining = new Set(joins);
  const count = (addresses: readonly string[]): ReadonlySet<string> =>
    new Set(
      addresses
        .filter((address) => !(joining.has(address) ? isNew(address) : isGone(address)))
        .map((address) => ownerOf(address) ?? address),
    );
  const existing = (): number => new Set(before.map((address) => ownerOf(address) ?? address)).size;
  return { list, gains: count(gained), losses: count(lost), existing };
}
