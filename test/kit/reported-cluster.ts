import { kinds } from '../../src/api/kinds.ts';
import { readResource } from '../../src/api/read.ts';
import type { ReadResource } from '../../src/api/resource.ts';
import type { RawMap } from '../../src/api/shape.ts';
import { SallyportError } from '../../src/base/error.ts';
import { silentLog } from '../../src/base/log.ts';
import { Controller } from '../../src/controller/controller.ts';
import { deviceMistakes } from '../../src/controller/devices/device-mistakes.ts';
import { keptAsAnother } from '../../src/controller/devices/kept-as.ts';
import { Reporter } from '../../src/controller/status/reporter.ts';
import { MemoryDevice } from '../../src/firewalls/memory/device.ts';
import { MemoryDriver } from '../../src/firewalls/memory/memory-driver.ts';
import { EventRecorder } from '../../src/kubernetes/events.ts';
import { resourcePath } from '../../src/kubernetes/resource-path.ts';
import { StatusWriter } from '../../src/kubernetes/status-writer.ts';
import type { Delivery, SourceState } from '../../src/sources/source.ts';
import { FakeClock } from './fake-clock.ts';
import { HeldWriters } from './held-writers.ts';
import { StatusServer } from './status-server.ts';

interface Stored {
  raw: RawMap & { readonly metadata: RawMap };
  readonly path: string;
  resourceVersion: number | undefined;
}

/** One copy of Sallyport, with the firewalls that it holds. */
export class Copy {
  readonly controller: Controller;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly writer: StatusWriter;
  readonly events: EventRecorder;
  deliver: (delivery: Delivery) => void = () => undefined;
  /** The firewalls that this copy may write to. */
  readonly writers: HeldWriters;

  constructor(cluster: ReportedCluster, name: string, held?: readonly string[], owner = 'lab') {
    this.writers = new HeldWriters(held);
    const { clock, server: client } = cluster;
    this.writer = new StatusWriter({ client, clock, log: silentLog });
    this.events = new EventRecorder({ client, clock, log: silentLog, instance: name });
    this.controller = new Controller({
      cluster: owner,
      source: {
        name: 'live',
        run: (take, signal) => {
          this.deliver = take;
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        },
      },
      writers: this.writers,
      open: (firewall, grant) => {
        if (firewall.driver !== 'nftables') throw new SallyportError('DEVICE_SETTING', 'spec.driver: not here');
        const [mistake] = keptAsAnother(firewall, owner);
        if (mistake !== undefined) throw new SallyportError(mistake.code, mistake.message);
        const driver = new MemoryDriver(cluster.deviceOf(firewall.name));
        if (grant === undefined) throw new Error('a firewall is opened without its Lease');
        return { driver, lock: grant.lock, close: () => Promise.resolve() };
      },
      mistakes: (firewall) => deviceMistakes(firewall, owner),
      clock,
      log: silentLog,
      reporter: new Reporter({ writer: this.writer, events: this.events, clock, name, cluster: owner }),
    });
    this.#running = this.controller.run(this.#stop.signal);
  }

  async settled(): Promise<void> {
    for (const name of this.controller.world.firewalls.keys()) await this.controller.station(name)?.worker.settled();
    await this.writer.settled();
    await this.events.settled();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

/** A cluster with copies of Sallyport in it: objects that an API server keeps, devices, and time that a test moves. */
export class ReportedCluster {
  readonly clock = new FakeClock();
  readonly server = new StatusServer();
  copies: Copy[] = [];
  readonly #objects = new Map<string, Stored>();
  /** Objects that could be read at some time. */
  readonly #read = new Set<string>();
  #state: SourceState = { kind: 'complete' };
  readonly #devices = new Map<string, MemoryDevice>();

  /** A copy that begins to work, and is told all there is. */
  start(name: string, held?: readonly string[], owner?: string): Copy {
    const copy = new Copy(this, name, held, owner);
    this.copies.push(copy);
    copy.deliver(this.#delivery([...this.#objects.values()]));
    return copy;
  }

  deviceOf(firewall: string): MemoryDevice {
    let device = this.#devices.get(firewall);
    if (device === undefined) {
      device = new MemoryDevice();
      this.#devices.set(firewall, device);
    }
    return device;
  }

  /** Creates or edits objects. */
  put(...objects: readonly { readonly kind: string; readonly [member: string]: unknown }[]): void {
    const changed = objects.map((raw) => {
      const metadata = raw['metadata'] as RawMap;
      const kind = kinds.find(
        (each) =>
          each.kind === raw.kind &&
          raw['apiVersion'] === `${each.group === '' ? '' : `${each.group}/`}${each.versions[0]}`,
      );
      if (kind === undefined) throw new Error(`${raw.kind} is no kind`);
      const path = resourcePath({ ...kind, version: kind.versions[0] ?? '' }, metadata as { readonly name: string });
      const known = this.#objects.get(path)?.raw.metadata;
      const generation = typeof known?.['generation'] === 'number' ? known['generation'] + 1 : 1;
      const uid = known?.['uid'] ?? this.server.create(path);
      const creationTimestamp = known?.['creationTimestamp'] ?? new Date(this.clock.wall()).toISOString();
      const stored: Stored = {
        raw: { ...raw, metadata: { ...metadata, uid, generation, creationTimestamp } },
        path,
        resourceVersion: this.server.resourceVersion(path),
      };
      this.#objects.set(path, stored);
      return stored;
    });
    this.#tell(this.#delivery(changed));
  }

  delete(key: string): void {
    for (const [path, stored] of this.#objects)
      if (this.#reading(stored).key === key) {
        this.#objects.delete(path);
        this.server.delete(path);
      }
    // Of what nobody ever had, nobody is told that it is gone.
    const changes = this.#read.has(key) ? [{ kind: 'delete', key } as const] : [];
    this.#tell({ ...this.#delivery([]), changes });
  }

  /** The source is in another state, and brings nothing. */
  state(state: SourceState): void {
    this.#state = state;
    this.#tell(this.#delivery([]));
  }

  /** Lets time go by in steps: work is done, and what was written comes back on the watch. */
  async pass(ms: number, step = 1_000): Promise<void> {
    await this.#settled();
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await this.#settled();
      const written = [...this.#objects.values()].filter(
        (stored) => stored.resourceVersion !== this.server.resourceVersion(stored.path),
      );
      for (const stored of written) stored.resourceVersion = this.server.resourceVersion(stored.path);
      if (written.length > 0) this.#tell(this.#delivery(written));
    }
  }

  statusOf(path: string): RawMap {
    return this.server.statusOf(`/apis/sallyport.dev/v1alpha1/${path}`);
  }

  async stop(): Promise<void> {
    for (const copy of this.copies.splice(0)) await copy.stop();
  }

  async #settled(): Promise<void> {
    // What one part has done may be work for another.
    for (let turn = 0; turn < 3; turn++) for (const copy of this.copies) await copy.settled();
  }

  #tell(delivery: Delivery): void {
    for (const copy of this.copies) copy.deliver(delivery);
  }

  #delivery(changed: readonly Stored[]): Delivery {
    const all = [...this.#objects.values()].map((stored) => this.#reading(stored));
    return {
      changes: changed.flatMap((stored) => {
        const { resource, key = '' } = this.#reading(stored);
        if (resource === undefined) return [];
        this.#read.add(key);
        return [{ kind: 'put', resource } as const];
      }),
      state: this.#state,
      diagnostics: all.flatMap(({ diagnostics }) => diagnostics),
      broken: new Set(all.flatMap(({ key, resource }) => (key === undefined || resource !== undefined ? [] : [key]))),
      unread: all.flatMap(({ unread }) => unread ?? []),
    };
  }

  #reading({ raw, path }: Stored): ReadResource {
    return readResource({ ...raw, status: raw['status'] ?? this.server.statusOf(path) }, {});
  }
}
