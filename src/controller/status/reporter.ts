import { type OwnResource, type ResourceKey, resourceKey, type UnreadFirewall } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import type { EventRecorder } from '../../kubernetes/events.ts';
import type { StatusWriter } from '../../kubernetes/status-writer.ts';
import type { Delivery } from '../../sources/source.ts';
import { NOBODY_THERE, OF_ANOTHER_COPY } from '../unread.ts';
import { FirewallReports } from './firewall-reports.ts';
import { ObjectReports } from './object-reports.ts';
import type { HeldResource, Problem } from './object-status.ts';
import { type Picture, statusObject } from './picture.ts';
import { UnreadReports } from './unread-reports.ts';

export interface ReporterOptions {
  readonly writer: StatusWriter;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** This copy, as statuses name it. */
  readonly name: string;
  /** The owner of what it writes to devices. */
  readonly cluster: string;
}

interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/** What happens within this time is looked at together. */
const GATHER_MS = 1_000;

const OURS: ReadonlySet<string> = new Set([
  'BorderFirewall',
  'ClusterBorderPolicy',
  'BorderPolicy',
  'AddressGroup',
  'SourceNAT',
]);

/**
 * Tells the cluster how everything stands: statuses of our kinds, and events. It is told that something happened, looks at the whole
 * picture a moment later, and hands on what is to be said; of what it says nothing else depends.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #firewalls: FirewallReports;
  readonly #objects: ObjectReports;
  readonly #unreadReports: UnreadReports;
  #unread: ReadonlyMap<ResourceKey, UnreadFirewall> = new Map();
  #picture: Picture | undefined;
  #problems: ReadonlyMap<ResourceKey, readonly Problem[]> = new Map();
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
    const { clock, writer, events, name, cluster } = options;
    this.#firewalls = new FirewallReports(clock, name, cluster);
    this.#unreadReports = new UnreadReports(clock);
    this.#objects = new ObjectReports(clock, writer, (event) => events.record(event));
  }

  /** From now on this picture is told of. */
  begin(picture: Picture): void {
    this.#picture = {
      world: picture.world,
      mistakes: (firewall) => picture.mistakes(firewall),
      standing: (name) => {
        const standing = picture.standing(name);
        if (standing?.worker !== NOBODY_THERE) this.#firewalls.isKept(name);
        return this.#firewalls.isOverruled(name) ? { worker: OF_ANOTHER_COPY, holds: false } : standing;
      },
    };
  }

  /** A delivery was computed, as this version of the world. */
  taken({ changes, unread = [] }: Pick<Delivery, 'changes' | 'unread'>, version: number): void {
    const { writer } = this.#options;
    for (const change of changes)
      if (change.kind === 'put') {
        const { resource } = change;
        if (!isOurs(resource)) continue;
        // Only an API server says when an object was made; elsewhere nobody knows what its status is.
        if (resource.createdAt !== undefined) writer.seen(statusObject(resource), resource.status);
        if (isHeld(resource)) this.#objects.put(resource, version);
      } else this.#forget(change.key);
    this.#seeUnread(unread);
    if (this.#picture !== undefined) this.#firewalls.taken(this.#picture.world.firewalls, version);
    this.changed();
  }

  /** Everything that is wrong, as it stands now. */
  wrong(problems: readonly Problem[]): void {
    const byObject = new Map<ResourceKey, Problem[]>();
    for (const problem of problems) {
      if (problem.object === undefined) continue;
      const known = byObject.get(problem.object);
      if (known === undefined) byObject.set(problem.object, [problem]);
      else known.push(problem);
    }
    this.#problems = byObject;
    this.changed();
  }

  /** A version was read back from a firewall, so long after it was wished for. */
  confirmed(firewall: string, version: number, ms: number): void {
    this.#firewalls.confirmed(firewall, version, ms);
  }

  /** A firewall was read back without an address that was given up so long ago. */
  released(firewall: string, ms: number): void {
    this.#firewalls.released(firewall, ms);
  }

  /** A pod sent before a firewall knew it. The event stands with the pod, where its owner looks for why it does not work. */
  early(pod: PodName, note: string): void {
    const uid = this.#picture?.world.inventory.uidOf(`pod:${pod.namespace}/${pod.name}`);
    const object = statusObject({ type: 'Pod', ...pod, uid });
    this.#options.events.record({ object, type: 'Warning', reason: 'DroppedAtBorder', action: 'Drop', note });
  }

  /** Something may be otherwise than it was. */
  changed(): void {
    if (this.#stopped || this.#picture === undefined) return;
    this.#cancel ??= this.#options.clock.after(GATHER_MS, () => {
      this.#cancel = undefined;
      this.#look();
    });
  }

  /** Nothing more is written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await Promise.all([this.#options.writer.stop(), this.#options.events.stop()]);
  }

  #look(): void {
    const picture = this.#picture;
    const { writer, events } = this.#options;
    // What an incomplete picture lacks is not known to be gone.
    if (picture === undefined || picture.world.state.kind === 'loading') return;
    for (const view of picture.world.firewalls.values()) {
      const standing = picture.standing(view.firewall.name);
      for (const event of this.#firewalls.overruled(view)) events.record(event);
      if (standing?.holds !== true) continue;
      const status = writer.statusOf(statusObject(view.firewall));
      writer.wish(this.#firewalls.wish(picture, view, standing));
      for (const event of this.#firewalls.events(view, standing, status)) events.record(event);
    }
    this.#unreadReports.keep(picture);
    for (const unread of picture.world.unread.values()) {
      const standing = picture.standing(unread.name);
      if (standing?.holds !== true) continue;
      if (!picture.world.firewalls.has(unread.name)) writer.wish(this.#unreadReports.wish(picture, unread, standing));
      for (const event of this.#unreadReports.events(picture, unread, standing)) events.record(event);
    }
    this.#objects.refresh(picture, this.#problems);
  }

  #seeUnread(unread: readonly UnreadFirewall[]): void {
    const { writer } = this.#options;
    const before = this.#unread;
    this.#unread = new Map(unread.map((firewall) => [resourceKey(firewall), firewall]));
    for (const firewall of unread) writer.seen(statusObject(firewall), firewall.status);
    // Nobody is told that one is gone which was never there to be read.
    for (const [key, { name }] of before)
      if (!this.#unread.has(key) && this.#picture?.world.firewalls.has(name) !== true) this.#forget(key);
  }

  #forget(key: ResourceKey): void {
    const [type = '', ...names] = key.split('/');
    if (!OURS.has(type)) return;
    const [first = '', second] = names;
    const [namespace, name] = second === undefined ? ['', first] : [first, second];
    this.#options.writer.forget(statusObject({ type, namespace, name }));
    this.#objects.delete(key);
  }
}

function isOurs(resource: { readonly type: string }): resource is OwnResource {
  return OURS.has(resource.type);
}

function isHeld(resource: OwnResource): resource is HeldResource {
  return resource.type !== 'BorderFirewall' && resource.type !== 'BorderApproval';
}
