import type { BorderFirewall } from '../../api/resource.ts';
import { type BorderFirewallStatus, FIREWALL_CONDITIONS, STATUS_LIMITS } from '../../api/status.ts';
import { type RawMap, defined } from '../../api/shape.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Finding } from '../../border/finding.ts';
import { canonical } from '../../kubernetes/status-part.ts';
import type { WorkerStatus } from '../../firewalls/worker-status.ts';
import { type Statement, conditionsFrom, cut, momentText } from './conditions.ts';
import type { DepartureTold } from '../departure.ts';
import type { ListsStanding } from '../lists-standing.ts';
import { listsSummary } from './lists-summary.ts';
import type { PlanSummary } from './plan-summary.ts';
import type { Spread } from './spread.ts';

type Type = (typeof FIREWALL_CONDITIONS)[number];

/** Everything that a BorderFirewall's status is made from. */
export interface FirewallFacts {
  readonly firewall: BorderFirewall;
  /** How its worker stands, or why it has none. */
  readonly standing: WorkerStatus | { readonly code: string; readonly message: string };
  /** Its object is deleted, and waits for this. */
  readonly departure?: DepartureTold | undefined;
  /** What was found about the object itself. */
  readonly findings: readonly Finding[];
  /** What it asks for that its driver cannot do. */
  readonly mistakes: readonly Diagnostic[];
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

/** Conditions that stop work, so that the firewall is not ready. */
const STOPPING: ReadonlySet<Type> = new Set(['Stalled', 'Frozen', 'Waiting', 'Drifted', 'Reconciling']);
/** Within `Ready` the heaviest comes first; the worker's own order. */
const BY_WEIGHT: readonly Type[] = [
  'Stalled',
  'Frozen',
  'Waiting',
  'Drifted',
  'Reconciling',
  'Blind',
  'CapacityLow',
  'Insecure',
  'Uninspected',
];

/** Numbers that follow pods and time; no reason for a write of their own. */
export const FIREWALL_NUMBERS = ['counts', 'confirmedAt', 'addressToConfirmed', 'releaseToConfirmed', 'lists'] as const;

/** `status` of a BorderFirewall. `before`: as it stands, for the times of transitions. */
export function firewallStatus(facts: FirewallFacts, now: number, before: RawMap | undefined): BorderFirewallStatus {
  const { firewall, standing, writer, plan, addressToConfirmed, releaseToConfirmed, confirmedAt } = facts;
  const worker = 'conditions' in standing ? standing : undefined;
  const conditions = conditionsFrom<Type>(
    statementsOf(facts),
    { reason: 'Confirmed', message: 'the firewall holds what is wanted, as read back from it' },
    {
      types: BY_WEIGHT,
      stopping: STOPPING,
      generation: firewall.generation,
      now: momentText(now),
      before: before?.['conditions'],
    },
  );
  return defined({
    observedGeneration: firewall.generation,
    conditions,
    writer: writer === '' ? undefined : cut(writer, STATUS_LIMITS.text),
    device: worker?.device === undefined ? undefined : cut(worker.device, STATUS_LIMITS.text),
    confirmedAt: confirmedAt === undefined ? undefined : momentText(confirmedAt),
    counts: worker && { ...worker.counts, writes: worker.writes, repairs: worker.repairs },
    plan,
    addressToConfirmed,
    releaseToConfirmed,
    lists: facts.lists && listsSummary(facts.lists),
  });
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

function statementsOf({ firewall, standing, departure, findings, mistakes }: FirewallFacts): Statement<Type>[] {
  const statements: Statement<Type>[] = [];
  if (departure !== undefined && departure.isAhead !== true)
    statements.push({ ...departure, type: departure.stops ? 'Stalled' : 'Reconciling' });
  if ('conditions' in standing) {
    for (const { type, status, reason, message } of standing.conditions)
      if (status && type !== 'Ready') statements.push({ type, reason, message });
  } else if (standing.code !== departure?.reason)
    statements.push({ type: 'Stalled', reason: standing.code, message: standing.message });
  for (const { code, condition, severity, message } of findings)
    if (condition !== 'Stalled' || severity === 'error') statements.push({ type: condition, reason: code, message });
  for (const { code, severity, message, path } of mistakes)
    if (severity === 'error') statements.push({ type: 'Stalled', reason: code, message: `${path}: ${message}` });
  if (firewall.tls?.insecure !== undefined)
    statements.push({
      type: 'Insecure',
      reason: 'NotVerified',
      message: `nobody checks who answers: ${firewall.tls.insecure.reason}`,
    });
  return statements;
}
