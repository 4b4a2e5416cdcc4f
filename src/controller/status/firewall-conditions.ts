import { FIREWALL_CONDITIONS } from '../../api/status.ts';
import { type BorderFirewall, resourceKey } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Finding } from '../../border/finding.ts';
import type { DepartureTold } from '../departure.ts';
import type { FirewallView } from '../../border/firewall-view.ts';
import { type Statement, type StatusCondition, conditionsFrom, momentText } from './conditions.ts';
import type { Picture, Standing } from './picture.ts';

/** What may be true of a firewall. */
export type FirewallCondition = (typeof FIREWALL_CONDITIONS)[number];

/** Everything that the conditions of a firewall are made from. */
export interface FirewallConditionFacts {
  readonly firewall: BorderFirewall;
  /** How its worker stands, or why it has none. */
  readonly standing: Standing['worker'];
  /** Its object is deleted, and waits for this. */
  readonly departure?: DepartureTold | undefined;
  /** What was found about the object itself. */
  readonly findings: readonly Finding[];
  /** What it asks for that its driver cannot do. */
  readonly mistakes: readonly Diagnostic[];
}

/** Conditions that stop work, so that the firewall is not ready. */
const STOPPING: ReadonlySet<FirewallCondition> = new Set(['Stalled', 'Frozen', 'Waiting', 'Drifted', 'Reconciling']);
/** Within `Ready` the heaviest comes first; the worker's own order. */
const BY_WEIGHT: readonly FirewallCondition[] = [
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

export function factsOfConditions(
  picture: Pick<Picture, 'mistakes'>,
  { firewall, findings }: Pick<FirewallView, 'firewall' | 'findings'>,
  { worker, departure }: Standing,
): FirewallConditionFacts {
  const key = resourceKey(firewall);
  return {
    firewall,
    standing: worker,
    departure,
    findings: findings.filter(({ object }) => object === key),
    mistakes: picture.mistakes(firewall),
  };
}

/** As they stand in the status at a moment (wall). `before`: the conditions there, for the times of transitions. */
export function firewallConditions(
  facts: FirewallConditionFacts,
  now: number,
  before: unknown,
): StatusCondition<FirewallCondition>[] {
  return conditionsFrom<FirewallCondition>(
    statementsOf(facts),
    { reason: 'Confirmed', message: 'the firewall holds what is wanted, as read back from it' },
    {
      types: BY_WEIGHT,
      stopping: STOPPING,
      generation: facts.firewall.generation,
      now: momentText(now),
      before,
    },
  );
}

/** Of each of these firewalls what its status says to be true, for metrics. */
export function heldConditions(
  picture: Picture,
  names: Iterable<string>,
): ReadonlyMap<string, ReadonlySet<FirewallCondition>> {
  const held = new Map<string, ReadonlySet<FirewallCondition>>();
  for (const name of names) {
    const view = picture.world.firewalls.get(name);
    const standing = picture.standing(name);
    if (view === undefined || standing === undefined) continue;
    const conditions = firewallConditions(factsOfConditions(picture, view, standing), 0, undefined);
    held.set(name, new Set(conditions.filter(({ status }) => status === 'True').map(({ type }) => type)));
  }
  return held;
}

function statementsOf({
  firewall,
  standing,
  departure,
  findings,
  mistakes,
}: FirewallConditionFacts): Statement<FirewallCondition>[] {
  const statements: Statement<FirewallCondition>[] = [];
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
  // Whoever allows finally has to name what inspects, or say that nothing does.
  if (firewall.options?.['form'] === 'Full' && firewall.options['securityProfile'] === 'none')
    statements.push({
      type: 'Uninspected',
      reason: 'NoSecurityProfile',
      message: 'what our rules allow passes without inspection: options.securityProfile is none',
    });
  return statements;
}
