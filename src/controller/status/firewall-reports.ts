import type { RawMap } from '../../api/shape.ts';
import type { Clock } from '../../base/clock.ts';
import type { FirewallView } from '../../border/firewall-view.ts';
import type { WaitingPlan, WorkerStatus } from '../../firewalls/worker/worker-status.ts';
import type { HappenedEvent } from '../../kubernetes/event-forms.ts';
import type { StatusWish } from '../../kubernetes/status-writer.ts';
import type { DepartureTold } from '../departure/departure.ts';
import { NOBODY_THERE } from '../unread.ts';
import { factsOfConditions, saysStalled } from './firewall-conditions.ts';
import { FIREWALL_NUMBERS, type FirewallFacts, firewallStatus, settledFirewallStatus } from './firewall-status.ts';
import { type Picture, type Standing, statusObject } from './picture.ts';
import { type PlanSummary, summaryOfPlan } from './plan-summary.ts';
import { Spreads } from './spread.ts';

/** A plan without a digest is worked out anew at most so often: to compare all traffic takes a while. */
const PLAN_MS = 60_000;
/** Two would write against each other without an end. */
const OVERRULED =
  'somebody else writes this status, whose Lease is not beside those of this Sallyport, which says no more of it; let both have their Leases in one namespace';
/** Versions whose confirmation is waited for. */
const MOST_VERSIONS = 10_000;

/** What is remembered of one firewall between two looks. */
interface Memory {
  view: FirewallView | undefined;
  /** The version of the world since which it is to hold what it is to hold. */
  version: number;
  /** Versions that brought addresses, until they are confirmed. */
  readonly brought: Set<number>;
  readonly toConfirmed: Spreads;
  readonly toReleased: Spreads;
  confirmed: { readonly version: number; readonly at: number } | undefined;
  plan: { readonly of: WaitingPlan; readonly summary: PlanSummary; readonly madeAt: number } | undefined;
  /** Of one that nobody works at: whether the status said so by this copy's word, and somebody else overruled it. */
  unkept: 'Unsaid' | 'Said' | 'Overruled' | 'Told';
  /** Last told as events: what each condition said, and how many repairs there were. */
  told:
    | {
        readonly conditions: ReadonlyMap<string, string>;
        readonly repairs: number;
        readonly departure: DepartureTold | undefined;
      }
    | undefined;
}

/** What is said of firewalls: their statuses, and events about what happened to them. */
export class FirewallReports {
  readonly #clock: Clock;
  /** This copy. */
  readonly #writer: string;
  readonly #cluster: string;
  readonly #memories = new Map<string, Memory>();

  constructor(clock: Clock, writer: string, cluster: string) {
    this.#clock = clock;
    this.#writer = writer;
    this.#cluster = cluster;
  }

  /** The world is at another version. */
  taken(views: ReadonlyMap<string, FirewallView>, version: number): void {
    for (const name of this.#memories.keys()) if (!views.has(name)) this.#memories.delete(name);
    for (const [name, view] of views) {
      const memory = this.#memoryOf(name);
      const before = memory.view;
      if (before === view) continue;
      memory.view = view;
      memory.version = version;
      const members = before?.ruleset?.members;
      const now = view.ruleset?.members;
      if (members === undefined || now === undefined || members === now) continue;
      if (members.difference(now).added.length > 0) remember(memory.brought, version);
    }
  }

  /** A version was read back from a firewall, so long after it was wished for. */
  confirmed(name: string, version: number, ms: number): void {
    const memory = this.#memories.get(name);
    if (memory?.brought.delete(version) === true) memory.toConfirmed.add(ms);
  }

  /** A firewall was read back without an address that was given up so long ago. */
  released(name: string, ms: number): void {
    this.#memories.get(name)?.toReleased.add(ms);
  }

  /** What the firewall's status is to be, now. */
  wish(picture: Picture, view: FirewallView, standing: Standing): StatusWish {
    const facts = this.#facts(picture, view, standing);
    const { name } = view.firewall;
    return {
      object: statusObject(view.firewall),
      portion: { kind: 'whole' },
      slow: FIREWALL_NUMBERS,
      mayWrite: () => picture.standing(name)?.holds ?? false,
      compose: (before) => this.#compose(facts, before),
    };
  }

  /** Somebody works at it, this copy or another: what became of saying that nobody does is forgotten. */
  isKept(name: string): void {
    const memory = this.#memories.get(name);
    if (memory !== undefined) memory.unkept = 'Unsaid';
  }

  /** This copy said that nobody works at it, and somebody whose Lease it does not see knew better: it says no more. */
  isOverruled(name: string): boolean {
    const unkept = this.#memories.get(name)?.unkept;
    return unkept === 'Overruled' || unkept === 'Told';
  }

  /** Tells that once. */
  overruled({ firewall }: FirewallView): readonly HappenedEvent[] {
    const memory = this.#memoryOf(firewall.name);
    if (memory.unkept !== 'Overruled') return [];
    memory.unkept = 'Told';
    const object = statusObject(firewall);
    return [{ object, type: 'Warning', reason: 'OtherInstallation', action: 'Report', note: OVERRULED }];
  }

  /** What happened to the firewall since this was asked last; at first nothing did. `status`: as it stands. */
  events(view: FirewallView, { worker, departure }: Standing, status: RawMap | undefined): HappenedEvent[] {
    const memory = this.#memoryOf(view.firewall.name);
    const conditions = new Map<string, string>();
    const statements = 'conditions' in worker ? worker.conditions : [stalled(worker)];
    for (const { type, status: isTrue, reason, message } of statements) {
      const digest = type === 'Waiting' && 'conditions' in worker ? worker.waiting?.digest : undefined;
      if (type === 'Ready') conditions.set(type, String(isTrue));
      else if (isTrue)
        conditions.set(type, digest === undefined ? `${reason}: ${message}` : planText(digest, message, view));
    }
    const repairs = 'conditions' in worker ? worker.repairs : 0;
    const before = memory.told;
    memory.told = { conditions, repairs, departure };
    const object = statusObject(view.firewall);
    const events: HappenedEvent[] = [];
    // Of an object that waits to go it is told also by a copy that has just begun.
    if (departure !== undefined && departure.message !== before?.departure?.message)
      events.push(departing(object, departure));
    if (before === undefined) {
      // That nobody follows it began before anybody spoke of it.
      const { code, message } = NOBODY_THERE;
      if (worker === NOBODY_THERE && !saysStalled(status, message))
        events.push({
          object,
          type: 'Warning',
          reason: 'Stalled',
          action: 'Reconcile',
          note: `${code}: ${message}`,
        });
      return events;
    }
    for (const [type, note] of conditions) {
      if (type === 'Reconciling' || before.conditions.get(type) === note) continue;
      if (type === 'Ready') {
        if (note === 'true')
          events.push({
            object,
            type: 'Normal',
            reason: 'Ready',
            action: 'Confirm',
            note: 'the firewall holds what is wanted',
          });
      } else
        events.push({
          object,
          type: type === 'Waiting' ? 'Normal' : 'Warning',
          reason: type,
          action: 'Reconcile',
          note,
        });
    }
    if (repairs > before.repairs)
      events.push({
        object,
        type: 'Normal',
        reason: 'Repaired',
        action: 'Repair',
        note: 'what others changed was put right',
      });
    return events;
  }

  #memoryOf(name: string): Memory {
    let memory = this.#memories.get(name);
    if (memory === undefined) {
      memory = {
        view: undefined,
        version: 0,
        brought: new Set(),
        toConfirmed: new Spreads(this.#clock),
        toReleased: new Spreads(this.#clock),
        confirmed: undefined,
        plan: undefined,
        unkept: 'Unsaid',
        told: undefined,
      };
      this.#memories.set(name, memory);
    }
    return memory;
  }

  #facts(picture: Picture, view: FirewallView, standing: Standing): FirewallFacts {
    const { worker, lists } = standing;
    const memory = this.#memoryOf(view.firewall.name);
    const status = 'conditions' in worker ? worker : undefined;
    return {
      ...factsOfConditions(picture, view, standing),
      name: view.firewall.name,
      owner: status === undefined || view.firewall.mode === 'Observe' ? undefined : this.#cluster,
      writer: status === undefined ? '' : this.#writer,
      confirmedAt: status && confirmedAt(memory, status),
      plan: status && this.#plan(memory, status),
      addressToConfirmed: memory.toConfirmed.summary(),
      releaseToConfirmed: memory.toReleased.summary(),
      lists,
    };
  }

  #plan(memory: Memory, { waiting }: WorkerStatus): PlanSummary | undefined {
    if (waiting === undefined) {
      memory.plan = undefined;
      return undefined;
    }
    const { plan: known } = memory;
    const now = this.#clock.monotonic();
    const same =
      known !== undefined &&
      known.of.digest === waiting.digest &&
      (waiting.digest !== undefined || known.of === waiting || now - known.madeAt < PLAN_MS);
    if (!same) {
      const sinceMs = this.#clock.wall();
      memory.plan = { of: waiting, summary: summaryOfPlan(waiting.plan(), { ...waiting, sinceMs }), madeAt: now };
    }
    return memory.plan?.summary;
  }

  /** One that nobody works at has no writer. Where there is one all the same its Lease is not beside ours, and it knows better. */
  #compose(facts: FirewallFacts, before: RawMap | undefined): RawMap {
    if (facts.standing === NOBODY_THERE) {
      const memory = this.#memoryOf(facts.name);
      const hasWriter = before?.['writer'] !== undefined;
      if (hasWriter && memory.unkept === 'Said') memory.unkept = 'Overruled';
      else if (!hasWriter && before !== undefined && memory.unkept === 'Unsaid') memory.unkept = 'Said';
      if (before !== undefined && this.isOverruled(facts.name)) return before;
    }
    const plan = facts.plan && { ...facts.plan, since: sinceBefore(facts.plan, before?.['plan']) };
    const status = firewallStatus({ ...facts, plan }, this.#clock.wall(), before);
    return settledFirewallStatus(status, before);
  }
}

function departing(object: HappenedEvent['object'], { stops, isAhead, reason, message }: DepartureTold): HappenedEvent {
  const type = stops || isAhead === true ? 'Warning' : 'Normal';
  return { object, type, reason, action: 'Leave', note: message };
}

function stalled({ code, message }: { readonly code: string; readonly message: string }) {
  return { type: 'Stalled', status: true, reason: code, message } as const;
}

function planText(digest: string, message: string, { firewall }: FirewallView): string {
  return `plan ${digest} waits: ${message}; \`sallyport approve ${firewall.name} --plan ${digest}\` says yes to it`;
}

/** The first moment at which all was there that is to be there now. */
function confirmedAt(memory: Memory, { confirmedVersion, confirmedAt: at }: WorkerStatus): number | undefined {
  const holds = confirmedVersion !== undefined && confirmedVersion >= memory.version;
  if (holds && at !== undefined && memory.confirmed?.version !== memory.version)
    memory.confirmed = { version: memory.version, at };
  return memory.confirmed?.at;
}

/** A plan that waited before this copy began has waited for longer than this copy knows. */
function sinceBefore({ digest, since }: PlanSummary, before: unknown): string {
  if (typeof before !== 'object' || before === null) return since;
  const { digest: known, since: at } = before as { readonly digest?: unknown; readonly since?: unknown };
  return known === digest && typeof at === 'string' ? at : since;
}

function remember(versions: Set<number>, version: number): void {
  if (versions.size < MOST_VERSIONS) versions.add(version);
}
