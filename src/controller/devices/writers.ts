import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { APPLY_DEADLINE_MS } from '../../firewalls/worker/session.ts';
import { TimedLock, type WriterEpoch, type WriterLock } from '../../firewalls/writer-lock.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { Copies } from '../../kubernetes/leases/copies.ts';
import { LeaseStore } from '../../kubernetes/leases/lease-store.ts';
import type { Wanting } from '../unread.ts';
import type { OnThisMachine } from './on-this-machine.ts';

/** The right of this process to write to one firewall. */
export interface Grant {
  readonly lock: WriterLock;
  readonly epoch: WriterEpoch;
  /** What goes with the right to whoever has it next; absent: nothing does. */
  readonly memory?: LeftMemory;
}

/** A text that goes with a right. */
export interface LeftMemory {
  read(): string | undefined;
  /** It is there once this resolves; rejects where it may not be. */
  keep(text: string): Promise<void>;
}

/** What the controller is asked and told. */
export interface WriterHooks {
  /** `grant` gives more than before. */
  granted(): void;
  /** The right is gone. Resolves when nothing is under way on the firewall any more. */
  ended(firewall: string): Promise<void>;
  /** Nothing is half done there. */
  idle(firewall: string): boolean;
  /** `isUnkept` says something else now. */
  unkept(): void;
}

/** Which of several copies writes to which firewall (design invariant 8). */
export interface Writers {
  start(hooks: WriterHooks): void;
  /** The firewalls that there are. */
  want(firewalls: Iterable<Wanting>): void;
  /** `undefined`: another copy writes to it, or nobody yet. A firewall without it is not opened. */
  grant(firewall: string): Grant | undefined;
  /** Where the copy that writes to it answers other copies; `undefined`: it is this copy, or it does not say. */
  elsewhere(firewall: string): string | undefined;
  /** No copy can work at it where it runs, and this copy is the one that says so. */
  isUnkept(firewall: string): boolean;
  /** For people: what this copy has, and who has the rest. */
  summary(): string;
  /** The same without names: how many firewalls there are, and how many of them this copy writes to. */
  counts(): { readonly own: number; readonly all: number };
  /** Nothing is under way on any firewall: others may go on. */
  close(): Promise<void>;
}

/** A write that has begun ends before the lease does. */
export const WRITE_MARGIN_MS = APPLY_DEADLINE_MS + 500;

export interface LeasedWritersOptions {
  readonly client: ApiClient;
  /** Our own, where the Leases lie. */
  readonly namespace: string;
  readonly cluster: string;
  /** Of this process, as it is configured; two processes of one name are still two. */
  readonly name: string;
  /** Where this copy answers other copies; absent: nowhere. */
  readonly readiness?: string;
  /** What one copy does that is no firewall, by names that no firewall can have: each has a Lease too. */
  readonly duties?: readonly string[];
  /** What this copy cannot work at where it is, it leaves to others; absent: it can work at all. */
  readonly onThisMachine?: OnThisMachine;
  readonly clock: Clock;
  readonly log: Log;
}

/** By one Lease for each firewall in a Kubernetes API. */
export class LeasedWriters implements Writers {
  readonly #copies: Copies;
  readonly #clock: Clock;
  readonly #duties: readonly string[];
  readonly #onThisMachine: OnThisMachine | undefined;
  readonly #grants = new Map<string, Grant & { readonly lock: TimedLock }>();
  #hooks: WriterHooks | undefined;
  #wanted: readonly string[] = [];
  #cannot: ReadonlySet<string> = new Set();

  constructor(options: LeasedWritersOptions) {
    const { client, namespace, cluster, name, readiness, duties = [], onThisMachine, clock, log } = options;
    this.#duties = duties;
    this.#onThisMachine = onThisMachine;
    this.#clock = clock;
    const identity = `${name}_${randomBytes(4).toString('hex')}`;
    const store = new LeaseStore(client, namespace, cluster);
    const tenant = {
      taken: (firewall: string) => this.#taken(firewall),
      ended: async (firewall: string) => {
        this.#grants.delete(firewall);
        await this.#hooks?.ended(firewall);
      },
      idle: (firewall: string) => this.#hooks?.idle(firewall) ?? true,
      unkept: () => this.#hooks?.unkept(),
    };
    this.#copies = new Copies({
      store,
      cluster,
      identity,
      tenant,
      clock,
      log,
      random: Math.random,
      ...(readiness === undefined ? {} : { readiness }),
    });
  }

  start(hooks: WriterHooks): void {
    this.#hooks = hooks;
    this.#onThisMachine?.start(() => hooks.granted());
  }

  want(firewalls: Iterable<Wanting>): void {
    const all = [...firewalls];
    const units = togetherBy(all);
    this.#wanted = [...units.keys()];
    // One that cannot be read is opened by nobody: any copy may say so.
    const places = all.flatMap(({ name, place }) => (place === undefined ? [] : [{ name, ...place }]));
    this.#cannot = this.#onThisMachine?.cannot(places) ?? this.#cannot;
    this.#copies.want(new Map([...units, ...this.#duties.map((duty) => [duty, duty] as const)]), this.#cannot);
  }

  grant(firewall: string): Grant | undefined {
    return this.#cannot.has(firewall) ? undefined : this.#grants.get(firewall);
  }

  isUnkept(firewall: string): boolean {
    return this.#copies.isUnkept(firewall);
  }

  elsewhere(firewall: string): string | undefined {
    return this.#copies.readinessOf(firewall);
  }

  summary(): string {
    if (!this.#copies.looked) return 'the Leases of firewalls have not been read yet';
    const own = this.#wanted.filter((name) => this.#grants.has(name));
    const others = this.#wanted.filter((name) => !this.#grants.has(name));
    const holder = (name: string): string =>
      this.#copies.holder(name) ?? (this.#cannot.has(name) ? 'nobody; this copy cannot where it is' : 'nobody');
    const told = others.map((name) => `${name} (${holder(name)})`);
    return [
      own.length === 0 ? 'writes to no firewall' : `writes to ${own.join(', ')}`,
      ...(told.length === 0 ? [] : [`others write to ${told.join(', ')}`]),
    ].join('; ');
  }

  counts(): { readonly own: number; readonly all: number } {
    return { own: this.#wanted.filter((name) => this.#grants.has(name)).length, all: this.#wanted.length };
  }

  async close(): Promise<void> {
    // What is taken now is given back at once.
    this.#hooks = undefined;
    this.#onThisMachine?.stop();
    this.#grants.clear();
    await this.#copies.close();
  }

  #taken(firewall: string): TimedLock {
    const lock = new TimedLock(this.#clock, WRITE_MARGIN_MS);
    const none = { lease: '', number: 0 };
    const epoch = {
      now: () => this.#copies.epoch(firewall) ?? none,
      outranked: (by: number) => this.#copies.outranked(firewall, by),
    };
    if (this.#hooks !== undefined) {
      const memory = {
        read: () => this.#copies.memory(firewall),
        keep: (text: string) => this.#copies.keep(firewall, text),
      };
      this.#grants.set(firewall, { lock, epoch, memory });
      this.#hooks.granted();
    }
    return lock;
  }
}

/** Firewalls that wait for each other (`guard.after`) belong together: a copy knows only from its own what they have confirmed. */
export function togetherBy(firewalls: Iterable<Wanting>): ReadonlyMap<string, string> {
  const all = [...firewalls];
  const units = new Map(all.map(({ name }) => [name, name]));
  const rename = (from: string, to: string): void => {
    for (const [name, unit] of units) if (unit === from) units.set(name, to);
  };
  for (const { name, guard } of all)
    for (const other of guard.after) {
      const [first = '', second = ''] = [units.get(name), units.get(other)].map((unit) => unit ?? '').toSorted();
      if (first !== '' && first !== second) rename(second, first);
    }
  return units;
}
