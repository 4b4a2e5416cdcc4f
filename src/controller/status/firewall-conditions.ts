import { KEEPS_WHAT_IT_HOLDS } from '../../api/border-firewall.ts';
import { FIREWALL_CONDITIONS, STATUS_LIMITS } from '../../api/status.ts';
import { type BorderFirewall, resourceKey, type UnreadFirewall } from '../../api/resource.ts';
import { isMap } from '../../api/shape.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Finding } from '../../border/finding.ts';
import { entriesOf } from '../../kubernetes/status-part.ts';
import type { DepartureTold } from '../departure/departure.ts';
import { NEVER_READ, OF_ANOTHER_COPY } from '../unread.ts';
import { type Statement, type StatusCondition, conditionsFrom, mistakesText, momentText } from './conditions.ts';
import type { Picture, Standing } from './picture.ts';

/** A firewall as it was read last, or one that never was. */
export interface Described {
  readonly firewall: BorderFirewall | UnreadFirewall;
  readonly findings: readonly Finding[];
}

/** What may be true of a firewall. */
export type FirewallCondition = (typeof FIREWALL_CONDITIONS)[number];

/** Everything that the conditions of a firewall are made from. */
export interface FirewallConditionFacts {
  readonly firewall: Pick<BorderFirewall, 'tls' | 'options'> & { readonly generation?: number | undefined };
  /** How its worker stands, or why it has none. */
  readonly standing: Standing['worker'];
  /** The object cannot be read as it is now: what is known of it is from before. */
  readonly isUnread?: boolean;
  /** Its object is deleted, and waits for this. */
  readonly departure?: DepartureTold | undefined;
  /** What was found about the object itself. */
  readonly findings: readonly Finding[];
  /** What it asks for that its driver cannot do; of one that cannot be read, all that is wrong with it. */
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

/** `firewall`: as it was read last, or what can be read of one that never was. */
export function factsOfConditions(
  picture: Pick<Picture, 'mistakes' | 'world'>,
  { firewall, findings }: Described,
  { worker, departure }: Standing,
): FirewallConditionFacts {
  const key = resourceKey(firewall);
  const unread = picture.world.unread.get(firewall.name);
  const settings = 'settings' in firewall ? { options: {} } : firewall;
  const about = { standing: worker, departure, findings: findings.filter(({ object }) => object === key) };
  if (unread === undefined) return { ...about, firewall: settings, mistakes: picture.mistakes(firewall) };
  return {
    ...about,
    firewall: { ...settings, generation: unread.generation },
    isUnread: true,
    mistakes: [...picture.world.diagnostics().filter(({ object }) => object === key), ...picture.mistakes(unread)],
  };
}

/** What the statements about a firewall begin with, where it cannot be read. */
export function unreadText(mistakes: readonly Diagnostic[]): string {
  const errors = mistakes
    .filter(({ severity }) => severity === 'error')
    .map(({ path, message }) => ({ path, message: message.replace(` ${KEEPS_WHAT_IT_HOLDS}`, '').replace(/\.$/, '') }));
  const begin = `${NEVER_READ.message}: `;
  return `${begin}${mistakesText(errors, STATUS_LIMITS.message - begin.length)}`;
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

/** A status says already that work stands still, and why. */
export function saysStalled(status: unknown, why: string): boolean {
  const list = isMap(status) ? status['conditions'] : undefined;
  return entriesOf(list).some(({ type, message }) => type === 'Stalled' && message === why);
}

/** Of each firewall that this copy speaks of what its status says to be true, for metrics. */
export function heldConditions(picture: Picture): ReadonlyMap<string, ReadonlySet<FirewallCondition>> {
  const held = new Map<string, ReadonlySet<FirewallCondition>>();
  for (const [name, view] of picture.world.firewalls) {
    const standing = picture.standing(name);
    if (standing === undefined || standing.worker === OF_ANOTHER_COPY) continue;
    const conditions = firewallConditions(factsOfConditions(picture, view, standing), 0, undefined);
    held.set(name, new Set(conditions.filter(({ status }) => status === 'True').map(({ type }) => type)));
  }
  return held;
}

function statementsOf({
  firewall,
  standing,
  isUnread = false,
  departure,
  findings,
  mistakes,
}: FirewallConditionFacts): Statement<FirewallCondition>[] {
  const statements: Statement<FirewallCondition>[] = [];
  if (departure !== undefined && departure.isAhead !== true)
    statements.push({ ...departure, type: departure.stops ? 'Stalled' : 'Reconciling' });
  const errors = mistakes.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (isUnread)
    statements.push({ type: 'Stalled', reason: first?.code ?? NEVER_READ.code, message: unreadText(mistakes) });
  if ('conditions' in standing) {
    for (const { type, status, reason, message } of standing.conditions)
      if (status && type !== 'Ready') statements.push({ type, reason, message });
    // What is wrong with its description is why it was not opened, and is said below.
  } else if (standing.code !== departure?.reason && first === undefined && !isUnread)
    statements.push({ type: 'Stalled', reason: standing.code, message: standing.message });
  for (const { code, condition, severity, message } of findings)
    if (condition !== 'Stalled' || severity === 'error') statements.push({ type: condition, reason: code, message });
  if (first !== undefined && !isUnread)
    statements.push({ type: 'Stalled', reason: first.code, message: mistakesText(errors, STATUS_LIMITS.message) });
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
