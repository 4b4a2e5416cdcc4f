import type { Clock } from '../../src/base/clock.ts';
import { SallyportError } from '../../src/base/error.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { APPLY_DEADLINE_MS } from '../../src/firewalls/worker/session.ts';
import { TimedLock } from '../../src/firewalls/writer-lock.ts';
import type { ApiClient, ApiRequest } from '../../src/kubernetes/api-client.ts';
import { Copies } from '../../src/kubernetes/leases/copies.ts';
import { LeaseStore } from '../../src/kubernetes/leases/lease-store.ts';

/** As much longer than a write as the controller has it. */
export const MARGIN_MS = APPLY_DEADLINE_MS + 500;

interface LeaseObject {
  metadata: {
    name: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: { holderIdentity?: string; leaseTransitions?: number; renewTime?: string };
}

/** One thing that happens at a true time. */
interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** True time, which nobody in a world of leases can see, and what happens in it. */
export class TrueTime {
  now = 0;
  #order = 0;
  #events: Event[] = [];

  at(at: number, run: () => void): () => void {
    const event = { at: Math.max(at, this.now), order: this.#order++, run };
    this.#events.push(event);
    return () => {
      this.#events = this.#events.filter((one) => one !== event);
    };
  }

  /** Lets everything happen until `end`; `after` is called after each event. */
  async run(end: number, after: () => void = () => {}): Promise<void> {
    // What was begun outside of an event goes as far as it comes first.
    await new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      const next = this.#events.reduce<Event | undefined>(
        (first, one) =>
          one.at <= end &&
          (first === undefined || one.at < first.at || (one.at === first.at && one.order < first.order))
            ? one
            : first,
        undefined,
      );
      if (next === undefined) break;
      this.#events = this.#events.filter((one) => one !== next);
      this.now = next.at;
      next.run();
      await new Promise((resolve) => setImmediate(resolve));
      after();
    }
    this.now = end;
  }
}

/** A copy, as one end sends it and the other reads it. */
function overWire<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** The Leases of a server: compare-and-swap on versions, as an API server does it. */
export class LeaseServer {
  readonly objects = new Map<string, LeaseObject>();
  writes = 0;
  #version = 100;
  #uids = 0;

  answer({ method, path, body }: ApiRequest): unknown {
    const name = decodeURIComponent(path.split('/leases')[1]?.slice(1) ?? '');
    const known = this.objects.get(name);
    if (method === 'GET' && name === '') return { items: overWire([...this.objects.values()]) };
    if (method === 'POST') {
      const given = overWire(body) as LeaseObject;
      if (this.objects.has(given.metadata.name)) throw new SallyportError('API_CONFLICT', 'already exists');
      given.metadata.uid = `uid-${++this.#uids}`;
      return this.#store(given);
    }
    if (known === undefined)
      throw new SallyportError('API_NOT_FOUND', `no lease ${name}`, { status: 404, reason: 'NotFound' });
    if (method === 'GET') return overWire(known);
    if (method === 'DELETE') {
      const { preconditions } = (body ?? {}) as { preconditions?: { resourceVersion?: string; uid?: string } };
      const { resourceVersion = known.metadata.resourceVersion, uid = known.metadata.uid } = preconditions ?? {};
      if (resourceVersion !== known.metadata.resourceVersion || uid !== known.metadata.uid)
        throw new SallyportError('API_CONFLICT', 'precondition failed');
      this.objects.delete(name);
      return {};
    }
    const given = overWire(body) as LeaseObject;
    const { uid, resourceVersion } = given.metadata;
    if (uid !== known.metadata.uid || resourceVersion !== known.metadata.resourceVersion)
      throw new SallyportError('API_CONFLICT', 'the object has been modified');
    return this.#store(given);
  }

  /** Somebody's hand. */
  edit(name: string, change: (lease: LeaseObject) => void): void {
    const known = this.objects.get(name);
    if (known === undefined) return;
    change(known);
    known.metadata.resourceVersion = String(++this.#version);
  }

  #store(lease: LeaseObject): unknown {
    this.writes++;
    lease.metadata.resourceVersion = String(++this.#version);
    this.objects.set(lease.metadata.name, lease);
    return overWire(lease);
  }
}

/** How one copy's requests go: milliseconds there and back, or lost on the way. */
export interface Road {
  there(): number;
  back(): number;
  /** `there`: never arrives; `back`: carried out, and never answered. */
  lost(): 'there' | 'back' | undefined;
}

export const quickRoad: Road = { there: () => 5, back: () => 5, lost: () => undefined };

/** A process: its own clock, its own road to the server, and it may be stopped and go on. */
export class Copy {
  readonly name: string;
  readonly clock: Clock;
  readonly copies: Copies;
  readonly locks = new Map<string, TimedLock>();
  /** True time from which on each firewall may have been written to; removed once its work has ended. */
  readonly heldAt = new Map<string, number>();
  road: Road = quickRoad;
  stopped = false;
  killed = false;
  busy = false;
  /** Milliseconds that the end of work on a device takes. */
  endMs = 20;
  /** What the end of work fails with; `undefined`: it does not. */
  endFailure: Error | undefined;
  wallJump = 0;
  readonly rate: number;
  readonly #time: TrueTime;
  #waiting: (() => void)[] = [];

  constructor(
    name: string,
    time: TrueTime,
    server: LeaseServer,
    options: { readonly rate?: number; readonly random?: () => number; readonly log?: Log } = {},
  ) {
    const { rate = 1, random = () => 0.5, log = silentLog } = options;
    this.name = name;
    this.rate = rate;
    this.#time = time;
    const started = time.now;
    const wake = (run: () => void): void => this.#wake(run);
    const read = (): number => (time.now - started) * rate + 1_000;
    this.clock = {
      monotonic: read,
      wall: () => Date.UTC(2026, 0, 5) + read() + this.wallJump,
      after: (ms, callback) => time.at(time.now + ms / rate, () => wake(callback)),
    };
    const { clock } = this;
    const client: ApiClient = {
      title: name,
      call: (request) => this.#call(server, request),
      open: () => Promise.reject(new Error('nobody watches Leases')),
      close: () => Promise.resolve(),
    };
    const tenant = {
      taken: (firewall: string) => {
        const lock = new TimedLock(clock, MARGIN_MS);
        this.locks.set(firewall, lock);
        return lock;
      },
      ended: (firewall: string) =>
        new Promise<void>((resolve, reject) => {
          clock.after(this.endMs, () => {
            this.heldAt.delete(firewall);
            this.locks.delete(firewall);
            if (this.endFailure === undefined) resolve();
            else reject(this.endFailure);
          });
        }),
      idle: () => !this.busy,
    };
    const store = new LeaseStore(client, 'sallyport', 'prod');
    this.copies = new Copies({ store, cluster: 'prod', identity: name, tenant, clock, log, random });
  }

  /** Whether it would begin a write now. */
  writes(firewall: string): boolean {
    return !this.stopped && !this.killed && this.locks.get(firewall)?.held() === true;
  }

  /** SIGSTOP, SIGCONT. */
  stop(): void {
    this.stopped = true;
  }

  go(): void {
    this.stopped = false;
    for (const run of this.#waiting.splice(0)) run();
  }

  kill(): void {
    this.killed = true;
    this.heldAt.clear();
  }

  #wake(run: () => void): void {
    if (this.killed) return;
    if (this.stopped) this.#waiting.push(run);
    else run();
  }

  #call(server: LeaseServer, request: ApiRequest): Promise<unknown> {
    const { road } = this;
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new SallyportError('API_UNREACHABLE', 'no answer in time'));
      this.clock.after(request.deadlineMs ?? 15_000, late);
      if (this.killed) return;
      const lost = road.lost();
      if (lost === 'there') return;
      this.#time.at(this.#time.now + road.there(), () => {
        let settle: () => void;
        try {
          const answer = server.answer(request);
          settle = () => resolve(answer);
        } catch (thrown) {
          settle = () => reject(thrown as Error);
        }
        if (lost !== 'back') this.#time.at(this.#time.now + road.back(), () => this.#wake(settle));
      });
    });
  }
}

/**
 * Watches that never two may write: nobody may begin a write while another's last one can still be under way. Throws otherwise. A
 * process that was stopped in the middle of a write is told by `stoppedSince`, and excused: that request is on the wire.
 */
export class Referee {
  readonly #stopped = new Map<Copy, number>();

  stopped(copy: Copy, at: number): void {
    this.#stopped.set(copy, at);
  }

  look(now: number, firewalls: readonly string[], copies: readonly Copy[]): void {
    for (const firewall of firewalls) {
      const writers = copies.filter((copy) => copy.writes(firewall));
      for (const writer of writers) {
        for (const other of copies) {
          const held = other.heldAt.get(firewall);
          if (other === writer || held === undefined) continue;
          const excused = (this.#stopped.get(other) ?? Number.NEGATIVE_INFINITY) >= held;
          const until = held + APPLY_DEADLINE_MS / other.rate;
          if (now < until && !excused)
            throw new Error(`${writer.name} may write to ${firewall} at ${now}, ${other.name} could until ${until}`);
        }
      }
      for (const writer of writers) writer.heldAt.set(firewall, now);
    }
  }
}
