import type { GuardLimit } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import { type Pieces, atOnce, each } from '../../base/pieces.ts';
import type { Exposure } from '../../plan/step.ts';
import type { ListChange } from '../../plan/lists.ts';
import type { Traffic } from '../../plan/traffic.ts';
import { GuardHour } from './guard-hour.ts';
import { type GuardMemory, HOUR_MS } from './guard-memory.ts';

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
  /** Whether whoever has an address was a member with it before; a device need not show those whom it denies nothing. */
  readonly wasMember: (address: string) => boolean;
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

/** What passed within an hour, in each direction. */
interface Hour {
  readonly gained: GuardHour;
  readonly lost: GuardHour;
}

/**
 * Stops mass accidents in either direction (design invariant 4). Counts owners that were known before and still are, and addresses
 * that leave their rules while somebody still owns them; newcomers and addresses given up never count. A list that rules of others use is
 * counted by itself, against those who were in it, because a list of few is easily emptied or flooded beside many workloads. Remembers one
 * hour of what it let go ahead, so that an accident in small portions is stopped as well; where that is not known, nothing that counts passes.
 */
export class Guard {
  readonly #clock: Clock;
  /** By list; the firewall's own has the empty name. */
  readonly #hours = new Map<string, Hour>();
  readonly #affected = new WeakMap<GuardQuestion, readonly Affected[]>();
  /** Until when (monotonic) more may have passed within the hour than is known, and why. */
  #unsure = { until: Number.NEGATIVE_INFINITY, why: '' };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a change may go ahead without a yes. Does not remember it: see `passed`. */
  judge(question: GuardQuestion): Judgement {
    return atOnce(this.judging(question));
  }

  /** The same in pieces. */
  *judging(question: GuardQuestion): Pieces<Judgement> {
    const { limits, exposures, traffic } = question;
    const affected = yield* this.#affectedBy(question);
    const reasons = affected.flatMap(({ list, losses, gains, existing }) => {
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
    if (this.#clock.monotonic() < this.#unsure.until && counts(affected)) reasons.push(this.#unsure.why);
    if (!traffic.unknownGained.isEmpty)
      reasons.push(`unknown senders in ${traffic.unknownGained.toString()} would no longer be dropped`);
    if (!traffic.freed.isEmpty) reasons.push(`traffic to ${traffic.freed.toString()} would no longer be judged here`);
    for (const { direction, flows } of exposures)
      if (direction === 'open') reasons.push(`${flows} would be open on the way`);
    return reasons.length === 0 ? { kind: 'go' } : { kind: 'stop', reasons };
  }

  /**
   * Remembers a change that goes ahead within the limits; one that a person said yes to is not remembered. Whether it counted: then
   * it has to outlive this process before it is sent.
   */
  passed(question: GuardQuestion): boolean {
    const affected = atOnce(this.#affectedBy(question));
    for (const { list, gains, losses } of affected) {
      if (gains.size + losses.size === 0) continue;
      const { gained, lost } = this.#hourOf(list);
      gained.add(gains);
      lost.add(losses);
    }
    return counts(affected);
  }

  /** For so long, more may have passed within the last hour than is known here. */
  distrust(why: string, forMs: number): void {
    const until = this.#clock.monotonic() + forMs;
    if (until > this.#unsure.until) this.#unsure = { until, why };
  }

  /** What has to outlive this process. */
  memory(): Pick<GuardMemory, 'hour' | 'unsureUntil'> {
    for (const [list, { gained, lost }] of this.#hours) if (gained.isEmpty && lost.isEmpty) this.#hours.delete(list);
    const hour = [...this.#hours].map(([list, { gained, lost }]) => ({
      list,
      gained: gained.counts(),
      lost: lost.counts(),
    }));
    const ahead = this.#clock.wall() - this.#clock.monotonic();
    const isUnsure = this.#clock.monotonic() < this.#unsure.until;
    return { hour, unsureUntil: isUnsure ? Math.ceil(this.#unsure.until + ahead) : 0 };
  }

  /** Takes over what an earlier process left. */
  takeOver({ hour, unsureUntil }: Pick<GuardMemory, 'hour' | 'unsureUntil'>): void {
    for (const { list, gained, lost } of hour) {
      const mine = this.#hourOf(list);
      mine.gained.takeOver(gained);
      mine.lost.takeOver(lost);
    }
    const left = Math.min(unsureUntil - this.#clock.wall(), HOUR_MS);
    if (left > 0) this.distrust(UNSURE, left);
  }

  /** Counted once for each question. */
  *#affectedBy(question: GuardQuestion): Pieces<readonly Affected[]> {
    const known = this.#affected.get(question);
    if (known !== undefined) return known;
    const affected = [yield* byTraffic(question)];
    for (const change of question.traffic.lists) affected.push(yield* byList(change, question));
    this.#affected.set(question, affected);
    return affected;
  }

  #hourOf(list: string): Hour {
    const known = this.#hours.get(list) ?? { gained: new GuardHour(this.#clock), lost: new GuardHour(this.#clock) };
    this.#hours.set(list, known);
    return known;
  }

  #beyond(
    what: string,
    owners: ReadonlySet<string>,
    hour: GuardHour,
    limit: GuardLimit,
    countExisting: () => number,
  ): readonly string[] {
    if (owners.size === 0) return [];
    const inHour = hour.with(owners);
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

const UNSURE = 'what passed within the last hour was not kept whole';

function counts(affected: readonly Affected[]): boolean {
  return affected.some(({ gains, losses }) => gains.size + losses.size > 0);
}

function* byTraffic({ traffic, ownerOf, isGone, wasMember, existing }: GuardQuestion): Pieces<Affected> {
  const gains = new Set<string>();
  const losses = new Set<string>();
  for (const { presence, senders, flows } of traffic.changes) {
    const gain = flows === undefined || !flows.gained.isEmpty;
    const loss = flows === undefined || !flows.lost.isEmpty;
    yield* each(senders, (sender) => {
      // Losing with an address that one has given up takes nothing from anybody.
      if (presence === 'leaves' && isGone(sender)) return;
      if (presence === 'joins' && !wasMember(sender)) return;
      const owner = ownerOf(sender) ?? sender;
      if (gain) gains.add(owner);
      if (loss) losses.add(owner);
    });
  }
  return { list: '', gains, losses, existing };
}

function* byList({ list, gained, lost, joins, before }: ListChange, question: GuardQuestion): Pieces<Affected> {
  const { ownerOf, isGone, isNew } = question;
  const joining = new Set(joins);
  function* counted(addresses: readonly string[]): Pieces<ReadonlySet<string>> {
    const found = new Set<string>();
    yield* each(addresses, (address) => {
      if (!(joining.has(address) ? isNew(address) : isGone(address))) found.add(ownerOf(address) ?? address);
    });
    return found;
  }
  const existing = (): number => new Set(Array.from(before, (address) => ownerOf(address) ?? address)).size;
  return { list, gains: yield* counted(gained), losses: yield* counted(lost), existing };
}
