import type { OwnResource } from '../../api/resource.ts';
import { type OBJECT_CONDITIONS, STATUS_LIMITS } from '../../api/status.ts';
import { type RawMap, defined } from '../../api/shape.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { FindingCondition } from '../../border/finding.ts';
import type { WorkerStatus } from '../../firewalls/worker/worker-status.ts';
import { entriesOf } from '../../kubernetes/status-part.ts';
import { NEVER_READ, NOBODY_THERE } from '../unread.ts';
import { type Statement, conditionsFrom, cut, momentText, since } from './conditions.ts';

type Type = (typeof OBJECT_CONDITIONS)[number];

/** What firewalls are to hold. */
export type HeldResource = Exclude<OwnResource, { readonly type: 'BorderFirewall' | 'BorderApproval' }>;

/** Something wrong with an object; `condition`: what a finding says it means. */
export type Problem = Diagnostic & { readonly condition?: FindingCondition };

/** Everything that one firewall's entry in an object's status is made from. */
export interface EntryFacts {
  readonly firewall: string;
  readonly generation: number | undefined;
  /** How the firewall's worker stands, or why it has none. */
  readonly standing: WorkerStatus | { readonly code: string; readonly message: string };
  /** The version of the world since which the object is what it is now. */
  readonly version: number;
  /** What keeps this firewall from holding all of it: findings, and what its device cannot say. */
  readonly problems: readonly Problem[];
  /** Addresses, words and the like, as the kind has them. */
  readonly more: Readonly<Record<string, unknown>>;
}

/** What a firewall makes of an object. */
interface Verdict {
  readonly holds: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** Members of an entry that follow pods. */
export const ENTRY_NUMBERS = ['addresses', 'translated', 'held'] as const;

/** One firewall's entry in the status of an object. `before`: as it stands; a device that was not read yet takes nothing of it back. */
export function entryOf(facts: EntryFacts, now: number, before: RawMap | undefined): RawMap {
  const { firewall, generation, standing, problems, more } = facts;
  if (
    isUnread(standing) &&
    before !== undefined &&
    before['observedGeneration'] === generation &&
    problems.length === 0
  )
    return before;
  const verdict = verdictOf(facts);
  return defined({
    name: firewall,
    holds: verdict.holds,
    since:
      since(before === undefined ? [] : [before], 'name', firewall, 'holds', verdict.holds, 'since') ?? momentText(now),
    observedGeneration: generation,
    reason: cut(verdict.reason, STATUS_LIMITS.reason),
    message: cut(verdict.message, STATUS_LIMITS.message),
    problems: problems.length === 0 ? undefined : problems.slice(0, STATUS_LIMITS.problems).map(problemOf),
    ...more,
  });
}

/** Nobody has looked at the device yet, so nobody can say what it holds. */
export function isUnread(standing: EntryFacts['standing']): boolean {
  if ('conditions' in standing) return standing.confirmedVersion === undefined;
  return standing === NEVER_READ || standing === NOBODY_THERE;
}

function verdictOf({ standing, version, problems }: EntryFacts): Verdict {
  const error = problems.find(({ severity }) => severity === 'error');
  if (error !== undefined)
    return { holds: 'False', reason: error.code, message: counted(error.message, problems.length - 1) };
  if (!('conditions' in standing)) {
    const holds = isUnread(standing) ? 'Unknown' : 'False';
    return { holds, reason: standing.code, message: standing.message };
  }
  const { confirmedVersion, conditions } = standing;
  if (confirmedVersion !== undefined && confirmedVersion >= version) {
    const [warning] = problems;
    return warning === undefined
      ? { holds: 'True', reason: 'Confirmed', message: 'its device holds it, as read back from it' }
      : { holds: 'True', reason: warning.code, message: counted(warning.message, problems.length - 1) };
  }
  const ready = conditions.find(({ type }) => type === 'Ready');
  const holds = confirmedVersion === undefined ? 'Unknown' : 'False';
  if (ready === undefined || ready.status)
    return { holds, reason: 'Reconciling', message: 'its device has not been read back since' };
  return { holds, reason: ready.reason, message: ready.message };
}

function counted(message: string, more: number): string {
  return more > 0 ? `${cut(message, STATUS_LIMITS.message - 20)} and ${more} more` : message;
}

function problemOf({ code, path, message }: Problem): RawMap {
  return defined({
    code,
    path: path === '' ? undefined : cut(path, STATUS_LIMITS.path),
    message: cut(message, STATUS_LIMITS.message),
  });
}

/** Everything that an object's status says around the entries of firewalls. */
export interface AroundFacts {
  readonly generation: number | undefined;
  /** What was found about the object wherever it is held. */
  readonly problems: readonly Problem[];
  /** The firewalls that are to hold it, in order; more than an object has room for are counted. */
  readonly firewalls: readonly string[];
  /** Entries that this copy writes itself, fresher than what the server has. */
  readonly own: ReadonlyMap<string, RawMap>;
  readonly more: Readonly<Record<string, unknown>>;
}

/** Members around the entries that follow pods. */
export const AROUND_NUMBERS = ['workloads'] as const;

const TYPES: readonly Type[] = ['Stalled', 'Frozen', 'Waiting', 'Reconciling', 'Blind'];
const STOPPING: ReadonlySet<Type> = new Set(['Stalled', 'Frozen', 'Waiting', 'Reconciling']);

/** Reasons of an entry that pass or wait; every other one stalls. */
const BY_REASON: ReadonlyMap<unknown, Type> = new Map<unknown, Type>([
  ['PlanWaits', 'Waiting'],
  ['NotTheWriter', 'Waiting'],
  ['NotAllReached', 'Waiting'],
  ['ListsBehind', 'Waiting'],
  ['SourcesIncomplete', 'Waiting'],
  ['SourceLost', 'Frozen'],
  ['Working', 'Reconciling'],
  ['Reconciling', 'Reconciling'],
  ['NotYetRead', 'Reconciling'],
  ['ChangedByOthers', 'Reconciling'],
  ['DEVICE_UNREACHABLE', 'Reconciling'],
]);

/** The status of an object but for the entries. `status`: as it stands, with the entries of other copies. */
export function aroundOf(facts: AroundFacts, now: number, status: RawMap | undefined): RawMap {
  const { generation, problems, firewalls, own, more } = facts;
  const statements: Statement<Type>[] = problems
    .filter(({ severity, condition }) => severity === 'error' || condition === 'Blind')
    .map(({ code, message, condition }) => ({
      type: condition === 'Blind' ? 'Blind' : 'Stalled',
      reason: code,
      message,
    }));
  if (firewalls.length === 0 && statements.length === 0)
    statements.push({ type: 'Stalled', reason: 'NoFirewall', message: 'there is no BorderFirewall to hold it' });
  const there = new Map(entriesOf(status?.['firewalls']).map((entry) => [entry['name'], entry]));
  let holding = 0;
  for (const name of firewalls) {
    const entry = own.get(name) ?? there.get(name);
    const { holds, reason, message } = entry ?? {
      holds: 'Unknown',
      reason: 'NotYetRead',
      message: 'nothing is known yet',
    };
    if (holds === 'True') holding += 1;
    else
      statements.push({
        type: BY_REASON.get(reason) ?? 'Stalled',
        reason: String(reason),
        message: `${name}: ${String(message)}`,
      });
  }
  const ready = { reason: 'Confirmed', message: `${holding} of ${firewalls.length} firewalls hold it` };
  const about = { types: TYPES, stopping: STOPPING, generation, now: momentText(now), before: status?.['conditions'] };
  return defined({
    observedGeneration: generation,
    conditions: conditionsFrom<Type>(statements, ready, about),
    ...more,
  });
}
