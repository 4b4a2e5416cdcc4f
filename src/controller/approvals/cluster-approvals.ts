import { readResource } from '../../api/read.ts';
import { type BorderApproval, type ResourceKey, resourceKey } from '../../api/resource.ts';
import { isMap } from '../../api/shape.ts';
import type { BorderApprovalStatus } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import { toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import type { EventRecorder } from '../../kubernetes/events.ts';
import { apply, getObject } from '../../kubernetes/objects.ts';
import type { ResourceChange } from '../../sources/source.ts';
import { type Approval, type Approvals, isCurrent } from './approvals.ts';
import { momentText } from '../status/conditions.ts';
import { statusObject } from '../status/picture.ts';

export interface ClusterApprovalsOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly events?: Pick<EventRecorder, 'record'>;
}

/** Who said yes may have seen a newer world than this copy has, for so long. */
const GRACE_MS = 60_000;
/** So many that count no more are told so at one look: there may be thousands. */
const MOST_CLOSED = 5;

type Closed = NonNullable<BorderApprovalStatus['state']>;

/**
 * The BorderApprovals of a cluster. One is marked as used, and the API server has to have taken that, before its digest is handed out: so
 * none counts twice, whoever dies when. Any yes that was there when a plan was begun counts as used with it.
 */
export class ClusterApprovals implements Approvals {
  readonly #options: ClusterApprovalsOptions;
  readonly #there = new Map<ResourceKey, BorderApproval>();
  /** By uid: closed by this copy. */
  readonly #closed = new Set<string>();
  /** When (wall) a plan was begun on a yes, by firewall and digest. */
  readonly #begun = new Map<string, number>();
  readonly #stop = new AbortController();
  #said = '';

  constructor(options: ClusterApprovalsOptions) {
    this.#options = options;
  }

  taken(changes: readonly ResourceChange[]): void {
    for (const change of changes)
      if (change.kind === 'delete') this.#forget(change.key);
      else if (change.resource.type === 'BorderApproval') this.#put(change.resource);
  }

  async take(firewall: string, waiting: { readonly digest?: string } | undefined): Promise<Approval | undefined> {
    const now = this.#options.clock.wall();
    let closed = 0;
    let given: Approval | undefined;
    for (const approval of this.#there.values()) {
      const { uid, createdAt } = approval;
      // What no API server has taken was said by nobody that could be asked.
      if (approval.firewall !== firewall || uid === undefined || createdAt === undefined) continue;
      // A watch may still tell how it was before this copy closed it.
      if (approval.spent || approval.deleting || this.#closed.has(uid)) continue;
      const end = this.#endOf(approval, createdAt, waiting, now);
      if (end !== undefined) {
        if (closed < MOST_CLOSED && (await this.#close(approval, end, now))) closed += 1;
      } else if (given === undefined && waiting?.digest === approval.digest) {
        const begun = this.#newest(planKey(approval), now);
        if (!(await this.#close(approval, 'Used', begun))) continue;
        this.#begun.set(planKey(approval), begun);
        given = { firewall, digest: approval.digest, madeAt: createdAt, by: resourceKey(approval) };
      }
    }
    return given;
  }

  /** Ends the request under way. */
  stop(): void {
    this.#stop.abort();
  }

  #put(approval: BorderApproval): void {
    this.#there.set(resourceKey(approval), approval);
    const { state, at } = approval.status ?? {};
    const begun = state === 'Used' && typeof at === 'string' ? Date.parse(at) : Number.NaN;
    const key = planKey(approval);
    if (!Number.isNaN(begun)) this.#begun.set(key, Math.max(begun, this.#begun.get(key) ?? 0));
  }

  #forget(key: ResourceKey): void {
    const uid = this.#there.get(key)?.uid;
    if (uid !== undefined) this.#closed.delete(uid);
    this.#there.delete(key);
  }

  /** When (wall) the newest yes to a plan was said, by the clock of whoever is ahead: ours may be behind that of the API server. */
  #newest(plan: string, now: number): number {
    const times = [...this.#there.values()]
      .filter((one) => planKey(one) === plan)
      .map(({ createdAt = 0 }) => createdAt)
      // One of a time that has not come counts never, and takes none with it that is said until then.
      .filter((createdAt) => isCurrent({ madeAt: createdAt }, now));
    return times.reduce((latest, time) => Math.max(latest, time), now);
  }

  /** Why a yes counts no more; `undefined`: it still may. */
  #endOf(
    approval: BorderApproval,
    createdAt: number,
    waiting: { readonly digest?: string } | undefined,
    now: number,
  ): Closed | undefined {
    if (!isCurrent({ madeAt: createdAt }, now)) return 'Lapsed';
    // The API server's clock has whole seconds.
    if (createdAt <= (this.#begun.get(planKey(approval)) ?? Number.NEGATIVE_INFINITY)) return 'Used';
    const other = waiting?.digest !== undefined && waiting.digest !== approval.digest;
    return other && now - createdAt > GRACE_MS ? 'OtherPlan' : undefined;
  }

  /** Writes what became of a yes; false: the server did not take it, or the object is another one by now. */
  async #close(approval: BorderApproval, state: Closed, at: number): Promise<boolean> {
    const { client, log, events } = this.#options;
    const { name, uid = '', firewall, digest } = approval;
    const object = statusObject(approval);
    const message = MESSAGES[state];
    const { signal } = this.#stop;
    try {
      const found = await getObject(client, object, { name }, signal);
      const read = isMap(found) ? readResource(found, {}).resource : undefined;
      if (read?.type !== 'BorderApproval' || read.uid !== uid || read.firewall !== firewall || read.digest !== digest) {
        this.#forget(resourceKey(approval));
        return false;
      }
      if (read.spent) {
        this.#put(read);
        return false;
      }
      const body = {
        apiVersion: `${object.group}/${object.version}`,
        kind: approval.type,
        // Of two copies that mean to use it, or of one and somebody who withdraws it, one comes first.
        metadata: { name, resourceVersion: versionOf(found) },
        status: { state, at: momentText(at), message },
      };
      await apply(client, object, { name, part: 'status' }, body, { force: true }, signal);
    } catch (thrown) {
      if (this.#stop.signal.aborted) return false;
      const { code, message: error } = toSallyportError(thrown);
      if (code !== 'API_NOT_FOUND' && code !== 'API_CONFLICT' && this.#said !== code)
        log.warn({ firewall, code, error }, 'a BorderApproval could not be marked, so it does not count');
      this.#said = code;
      return false;
    }
    this.#said = '';
    this.#closed.add(uid);
    events?.record({
      object,
      type: state === 'Used' ? 'Normal' : 'Warning',
      reason: state,
      action: 'Approve',
      note: message,
    });
    return true;
  }
}

const MESSAGES: Readonly<Record<Closed, string>> = {
  Used: 'the plan was begun',
  Lapsed:
    'it is older than an hour, or of a later time than the clock of Sallyport; look at the plan and say yes again',
  OtherPlan:
    'another plan waits, because what is wanted or what the device holds has changed; look at it and say yes again',
};

function versionOf(found: unknown): unknown {
  return isMap(found) && isMap(found['metadata']) ? found['metadata']['resourceVersion'] : undefined;
}

function planKey({ firewall, digest }: { readonly firewall: string; readonly digest: string }): string {
  return `${firewall} ${digest}`;
}
