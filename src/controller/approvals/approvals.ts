import { z } from 'zod';
import { background } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { WorkerStatus } from '../../firewalls/worker/worker-status.ts';
import type { ResourceChange } from '../../sources/source.ts';
import type { AuditTrail } from '../../insight/audit/trail.ts';

/** Somebody's yes to one plan of one firewall (design invariant 4); worth nothing once desired or actual changes, or after an hour. */
export const approvalSchema = z.strictObject({
  firewall: z.string(),
  digest: z.string(),
  /** Milliseconds since the epoch. */
  madeAt: z.number(),
  by: z.string(),
});

export type Approval = Readonly<z.infer<typeof approvalSchema>>;

/** Where people leave their yes: the state folder of this machine, or BorderApprovals in a cluster. */
export interface Approvals {
  /**
   * A yes for a firewall. `waiting`: the plan that waits there, with its digest where it has one; absent: none does, and no yes is given
   * out. Each is given out once, whatever becomes of the process. `undefined`: there is none that still may count.
   */
  take(firewall: string, waiting: { readonly digest?: string } | undefined): Promise<Approval | undefined>;
  /** What a source delivered: where yeses are objects, they are among it. */
  taken?(changes: readonly ResourceChange[]): void;
  /** Ends what is under way. */
  stop?(): void;
}

/** A yes that lay longer than this was for a plan that nobody remembers. */
const LAPSE_MS = 3_600_000;
/** So far a clock may be corrected between the yes and the look. */
const SKEW_MS = 60_000;

/** Whether a yes still counts. One from the future does not: the clock was set back since, and nobody knows how old it is. */
export function isCurrent({ madeAt }: Pick<Approval, 'madeAt'>, now: number): boolean {
  const age = now - madeAt;
  return age >= -SKEW_MS && age <= LAPSE_MS;
}

/** A firewall for which a yes may be looked for. */
export interface Approvable {
  readonly worker: { status(): WorkerStatus; approve(digest: string, ageMs: number): void };
  readonly device: { readonly trail?: AuditTrail; readonly lock: { held(): boolean } };
}

/** How often a yes is looked for while a plan waits. */
const LOOK_MS = 1_000;

/** Hands each yes to the worker whose plan waits, if this copy may write to its device. Gives the end of it. */
export function lookForApprovals(
  approvals: Approvals,
  stations: ReadonlyMap<string, Approvable>,
  clock: Clock,
  log: Log,
): () => void {
  let cancel = (): void => undefined;
  let stopped = false;
  const lookFor = async (name: string, { worker, device }: Approvable): Promise<void> => {
    const { waiting } = worker.status();
    if (!device.lock.held()) return;
    const yes = await approvals.take(name, waiting);
    if (yes === undefined) return;
    const { digest, by, madeAt } = yes;
    if (!isCurrent(yes, clock.wall())) {
      log.warn({ firewall: name, digest, by }, 'a yes lapsed: it was not given within the last hour');
      return;
    }
    log.info({ firewall: name, digest, by }, 'a yes was found');
    device.trail?.append({ what: 'Approved', plan: digest, by, madeAt: new Date(madeAt).toISOString() });
    worker.approve(digest, Math.max(0, clock.wall() - madeAt));
  };
  const look = async (): Promise<void> => {
    // A file that cannot be removed, or whatever else is wrong with one firewall's, keeps no yes from the others.
    for (const [name, station] of stations)
      await lookFor(name, station).catch((thrown: unknown) =>
        log.error({ firewall: name, error: String(thrown) }, 'a yes could not be looked for; it is tried again'),
      );
    again();
  };
  const again = (): void => {
    if (stopped) return;
    cancel = clock.after(LOOK_MS, () => background('looking for approvals', look(), log));
  };
  again();
  return () => {
    stopped = true;
    cancel();
    approvals.stop?.();
  };
}
