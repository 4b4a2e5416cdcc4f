import type { Diagnostic } from '../../base/diagnostic.ts';
import type { SallyportError } from '../../base/error.ts';
import type { Drift } from '../../plan/foreign.ts';
import type { TableUse } from '../driver.ts';
import type { Plan } from '../../plan/plan.ts';

/** One thing that is true of a worker; only true ones are listed, `Ready` always. */
export interface Condition {
  readonly type: 'Ready' | 'Reconciling' | 'Stalled' | 'Frozen' | 'Waiting' | 'Drifted' | 'CapacityLow';
  readonly status: boolean;
  /** One word, `CamelCase`, stable. */
  readonly reason: string;
  readonly message: string;
}

/** A plan that is not carried out now, worked out when somebody asks. */
export interface WaitingPlan {
  readonly reasons: readonly string[];
  /** Of the plan; absent in mode Observe, where nothing is to be approved. */
  readonly digest?: string;
  readonly plan: () => Plan;
}

/** How one firewall stands, as last read back. */
export interface WorkerStatus {
  readonly firewall: string;
  /** In the device's words; absent until it answered. */
  readonly device: string | undefined;
  readonly conditions: readonly Condition[];
  /** Of what is confirmed: addresses, classes, groups, translations. */
  readonly counts: {
    readonly senders: number;
    readonly classes: number;
    readonly groups: number;
    readonly translations: number;
  };
  /** The newest version that was asked for, and the newest that is confirmed whole. */
  readonly desiredVersion: number | undefined;
  readonly confirmedVersion: number | undefined;
  /** Milliseconds since the epoch of the last read-back in which all that may be there was there. */
  readonly confirmedAt: number | undefined;
  readonly waiting: WaitingPlan | undefined;
  /** What the device cannot say of the wanted rules. */
  readonly refusals: readonly Diagnostic[];
  /** What somebody else changed, as found last. */
  readonly drift: readonly Drift[];
  /** How full the tables of the device are, as far as it tells. */
  readonly tables: readonly TableUse[];
  /** Transactions sent, and of those repairs, since the start. */
  readonly writes: number;
  readonly repairs: number;
}

/** Where a worker stands, before it is put into words. */
export interface Standing {
  readonly wish:
    | { readonly kind: 'none' }
    | { readonly kind: 'ruleset' | 'leave' }
    | { readonly kind: 'unknown' | 'frozen'; readonly reason: string };
  readonly writer: boolean;
  readonly error: SallyportError | undefined;
  /** Everything that may be there is there. */
  readonly settled: boolean;
  readonly waits: readonly string[];
  /** What of the device could not be reached. */
  readonly unreached: readonly string[];
  /** Lists that the device has yet to fetch, or has no room for, for people. */
  readonly behind: readonly string[];
  /** Those of them for which it has no room. */
  readonly noRoom: readonly string[];
  /** Tables of the device with little room left, for people. */
  readonly full: readonly string[];
  readonly drifted: boolean;
  readonly drift: readonly Drift[];
  /** What is true though all is confirmed, for people. */
  readonly beside?: string | undefined;
}

/** The conditions of a standing: `Ready` first, false with the first that stops work, then each that is true. */
export function conditionsOf(standing: Standing): readonly Condition[] {
  const found: Condition[] = [];
  const add = (type: Condition['type'], reason: string, message: string): void => {
    found.push({ type, status: true, reason, message });
  };
  const { wish, error } = standing;
  if (error !== undefined && error.blame !== 'transient' && error.blame !== 'conflict')
    add('Stalled', error.code, error.message);
  if (wish.kind === 'frozen') add('Frozen', 'SourceLost', wish.reason);
  if (wish.kind === 'unknown') add('Waiting', 'SourcesIncomplete', wish.reason);
  if (wish.kind === 'none') add('Waiting', 'SourcesIncomplete', 'no source has delivered a complete first state yet');
  if (!standing.writer)
    add('Waiting', 'NotTheWriter', 'another copy writes to this firewall, or the lock is about to run out');
  if (standing.waits.length > 0) add('Waiting', 'PlanWaits', standing.waits.join('; '));
  if (standing.unreached.length > 0) add('Waiting', 'NotAllReached', standing.unreached.join('; '));
  if (standing.behind.length > 0) add('Waiting', 'ListsBehind', standing.behind.join('; '));
  if (standing.drifted) add('Drifted', 'ChangedByOthers', driftText(standing.drift));
  const busy =
    !standing.settled &&
    standing.writer &&
    standing.waits.length === 0 &&
    standing.unreached.length === 0 &&
    standing.behind.length === 0 &&
    wish.kind !== 'unknown' &&
    wish.kind !== 'none';
  if (busy && !found.some(({ type }) => type === 'Stalled'))
    add('Reconciling', error?.code ?? 'Working', error?.message ?? 'bringing the firewall to the wanted state');
  const first = found[0];
  const ready: Condition =
    first === undefined
      ? {
          type: 'Ready',
          status: true,
          reason: 'Confirmed',
          message: `the firewall holds what is wanted, as read back from it${standing.beside === undefined ? '' : `; ${standing.beside}`}`,
        }
      : { type: 'Ready', status: false, reason: first.reason, message: first.message };
  if (error?.code === 'DEVICE_LIMIT' || error?.code === 'CAPACITY') add('CapacityLow', 'Full', error.message);
  else if (standing.noRoom.length > 0) add('CapacityLow', 'Full', standing.noRoom.join('; '));
  // It stops nothing yet.
  else if (standing.full.length > 0) add('CapacityLow', 'NearlyFull', standing.full.join('; '));
  return [ready, ...found];
}

function driftText(drift: readonly Drift[]): string {
  if (drift.length === 0) return 'somebody changed what is ours';
  const texts = drift.map(({ object, what, by }) => `${object} ${what}${by === undefined ? '' : ` by ${by}`}`);
  return texts.length > 5 ? `${texts.slice(0, 5).join('; ')} and ${texts.length - 5} more` : texts.join('; ');
}
