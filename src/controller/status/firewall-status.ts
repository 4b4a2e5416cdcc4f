import { keptAs } from '../../api/border-firewall.ts';
import { type BorderFirewallStatus, STATUS_LIMITS } from '../../api/status.ts';
import { type RawMap, defined } from '../../api/shape.ts';
import { canonical } from '../../kubernetes/status-part.ts';
import { cut, momentText } from './conditions.ts';
import { type FirewallConditionFacts, firewallConditions } from './firewall-conditions.ts';
import { NOBODY_THERE } from '../unread.ts';
import type { ListsStanding } from '../feeds/lists-standing.ts';
import { listsSummary } from './lists-summary.ts';
import type { PlanSummary } from './plan-summary.ts';
import type { Spread } from './spread.ts';

/** Everything that a BorderFirewall's status is made from. */
export interface FirewallFacts extends FirewallConditionFacts {
  readonly name: string;
  /** The owner of what this copy writes to the device; `undefined`: it writes nothing. */
  readonly owner: string | undefined;
  /** This copy; empty where none writes to the device. */
  readonly writer: string;
  /** When what it holds was first read back whole (wall). */
  readonly confirmedAt: number | undefined;
  readonly plan: PlanSummary | undefined;
  readonly addressToConfirmed: Spread | undefined;
  readonly releaseToConfirmed: Spread | undefined;
  /** The lists that it fetches. */
  readonly lists?: ListsStanding | undefined;
}

/** Numbers that follow pods and time; no reason for a write of their own. */
export const FIREWALL_NUMBERS = ['counts', 'confirmedAt', 'addressToConfirmed', 'releaseToConfirmed', 'lists'] as const;

/** `status` of a BorderFirewall. `before`: as it stands, for the times of transitions. */
export function firewallStatus(facts: FirewallFacts, now: number, before: RawMap | undefined): BorderFirewallStatus {
  const { firewall, standing, writer, plan, addressToConfirmed, releaseToConfirmed, confirmedAt, owner } = facts;
  const worker = 'conditions' in standing ? standing : undefined;
  const conditions = firewallConditions(facts, now, before?.['conditions']);
  return defined({
    observedGeneration: firewall.generation,
    conditions,
    // Whoever writes nothing takes nothing off the device: what was said of it stays true.
    cluster: owner ?? keptAs({ status: before }),
    writer: writer === '' ? undefined : cut(writer, STATUS_LIMITS.text),
    device: worker?.device === undefined ? undefined : cut(worker.device, STATUS_LIMITS.text),
    confirmedAt: confirmedAt === undefined ? undefined : momentText(confirmedAt),
    counts: worker && { ...worker.counts, writes: worker.writes, repairs: worker.repairs },
    plan,
    addressToConfirmed,
    releaseToConfirmed,
    lists: facts.lists && listsSummary(facts.lists),
    ...(standing === NOBODY_THERE ? toldBefore(before) : {}),
  });
}

/** What was told of a device when a copy read it last, which stays where none does. */
export function toldBefore(before: RawMap | undefined): RawMap {
  return defined({ device: before?.['device'], confirmedAt: before?.['confirmedAt'], counts: before?.['counts'] });
}

/**
 * What is sent: as composed, but a copy that has written nothing to the device yet leaves numbers as they are where nothing else differs,
 * so that a restart is no reason for a write.
 */
export function settledFirewallStatus(status: BorderFirewallStatus, before: RawMap | undefined): RawMap {
  if (before === undefined || (status.counts?.writes ?? 0) > 0) return status;
  const words = (one: RawMap): string | undefined => {
    const {
      counts,
      confirmedAt: _at,
      addressToConfirmed: _to,
      releaseToConfirmed: _from,
      lists: _lists,
      ...rest
    } = one;
    const { writes: _writes, repairs: _repairs, ...held } = (counts ?? {}) as Record<string, unknown>;
    return canonical({ ...rest, held });
  };
  return words(status) === words(before) ? before : status;
}
