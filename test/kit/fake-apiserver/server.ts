import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { Access } from './access.ts';
import { type Entry, ObjectEntry } from './entry.ts';
import { Faults, type Which, matches } from './faults.ts';
import { answer, type Parts } from './handler.ts';
import { type Kind, builtIn, collectionOf } from './kinds.ts';
import type { KubeObject, Metadata } from './object.ts';
import { Store } from './store.ts';
import { type LoggedRequest, type OpenStream, Transport } from './transport.ts';
import type { WatchSettings } from './watching.ts';

export interface FakeApiServerOptions extends Partial<WatchSettings> {
  /** Of bookmarks, time-outs, timestamps; the system's if absent. */
  readonly clock?: Clock;
  /** Changes of each collection that watches can still be given; 1,000 if absent. */
  readonly historySize?: number;
  /** The version of the empty store; 1,000 if absent. */
  readonly firstVersion?: number;
}

/** An object as a test writes it. */
export interface Given {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

/**
 * A Kubernetes API server in this process, on loopback. It keeps the API's rules and refuses what a real one refuses; what it does not do
 * stands in docs/design/lab.md. `put` and `delete` are the test's own hand: they pass over rights, admission and finalizers.
 */
export class FakeApiServer {
  readonly faults = new Faults();
  readonly access = new Access();
  readonly #clock: Clock;
  readonly #options: FakeApiServerOptions;
  readonly #parts: Parts;
  readonly #transport: Transport;
  readonly #kinds: readonly Kind[] = builtIn;
  #server: Server | undefined;
  #port = 0;

  static async start(options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
    const api = new FakeApiServer(options);
    await api.acceptConnections();
    return api;
  }

  private constructor(options: FakeApiServerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#parts = {
      clock: this.#clock,
      store: new Store(options.historySize ?? 1_000, options.firstVersion ?? 1_000),
      access: this.access,
      settings: {
        bookmarkMs: options.bookmarkMs ?? 60_000,
        expiredAs: options.expiredAs ?? 'event',
        streamingLists: options.streamingLists ?? true,
      },
      kind: (group, version, plural) =>
        this.#kinds.find((one) => one.group === group && one.version === version && one.plural === plural),
    };
    this.#transport = new Transport(this.#clock, this.faults, (call, faults) => answer(this.#parts, call, faults));
  }

  /** `http://127.0.0.1:PORT`. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Every request since the start or the last `forgetRequests`, in order of arrival. */
  get requests(): readonly LoggedRequest[] {
    return this.#transport.log;
  }

  forgetRequests(): void {
    this.#transport.log.length = 0;
  }

  /** Watches that are open now. */
  streams(which: Which = {}): readonly OpenStream[] {
    return [...this.#transport.streams].filter(({ call }) => matches(which, call));
  }

  /** The version of the last write. */
  get version(): number {
    return this.#parts.store.version;
  }

  /** Creates or replaces; fills in what a server fills in, keeps what is given. */
  put(given: Given): KubeObject {
    const kind = this.#kindOf(given);
    const { store } = this.#parts;
    const { name, namespace = '' } = given.metadata;
    if (name === undefined) throw new Error(`an object of kind ${kind.kind} needs metadata.name`);
    if (kind.namespaced !== (namespace !== ''))
      throw new Error(`${kind.kind} "${name}" ${kind.namespaced ? 'needs a' : 'is in no'} namespace`);
    const before = store.get(collectionOf(kind), namespace, name)?.object.metadata;
    const metadata: Metadata = {
      ...given.metadata,
      uid: given.metadata.uid ?? before?.uid ?? randomUUID(),
      creationTimestamp: given.metadata.creationTimestamp ?? before?.creationTimestamp ?? this.#now(),
    };
    return store.set(collectionOf(kind), (version) => new ObjectEntry({ ...given, metadata }, version)).object;
  }

  /** Removes; false if it was not there. */
  delete(which: Given): boolean {
    const kind = this.#kindOf(which);
    const { name = '', namespace = '' } = which.metadata;
    const { store } = this.#parts;
    if (store.get(collectionOf(kind), namespace, name) === undefined) return false;
    store.remove(collectionOf(kind), namespace, name, lastState);
    return true;
  }

  get(which: Given): KubeObject | undefined {
    const { name = '', namespace = '' } = which.metadata;
    return this.#parts.store.get(collectionOf(this.#kindOf(which)), namespace, name)?.object;
  }

  /** Removes without an event: it shows at the next list only. */
  deleteUnseen(which: Given): void {
    const { name = '', namespace = '' } = which.metadata;
    const table = this.#parts.store.table(collectionOf(this.#kindOf(which)));
    const entry = this.#parts.store.get(collectionOf(this.#kindOf(which)), namespace, name);
    if (entry !== undefined) table.silently(entry, false);
  }

  /** Deletes it and adds it again under another uid, as something does that nobody asked. */
  respawn(which: Given): KubeObject {
    const { uid: _, creationTimestamp: __, resourceVersion: ___, ...metadata } = this.#must(which).metadata;
    const object = this.#must(which);
    this.delete(which);
    return this.put({ ...object, metadata });
  }

  /** Forgets what happened so far: watches and pages from before are too old. */
  compact(): void {
    this.#parts.store.compact();
  }

  /** Nobody is listening any more; what is open is reset. */
  async refuseConnections(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((done) => server.close(() => done()));
    server.closeAllConnections();
    await closed;
  }

  /** Listens (again, on the same port). */
  async acceptConnections(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((request, response) => {
      this.#transport.handle(request, response).catch((error: unknown) => {
        response.destroy();
        throw error;
      });
    });
    this.#server = server;
    await new Promise<void>((listening, fail) => {
      server.once('error', fail);
      server.listen(this.#port, '127.0.0.1', listening);
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  /**
   * The server ends and starts again on the same port: every connection breaks. Absent: with the same objects and versions.
   * `newHistory` begins a new sequence of versions, smaller than before if `firstVersion` (1 if absent) is, with the objects that `keep`
   * wants (all if absent): a restored backup.
   */
  async restart(newHistory?: {
    readonly firstVersion?: number;
    readonly keep?: (object: KubeObject) => boolean;
  }): Promise<void> {
    await this.refuseConnections();
    if (newHistory !== undefined) {
      const { firstVersion = 1, keep = (): boolean => true } = newHistory;
      const old = this.#parts.store;
      const store = new Store(this.#options.historySize ?? 1_000, firstVersion);
      for (const [collection, { entries }] of old.tables)
        for (const { object } of entries.values())
          if (keep(object)) store.set(collection, (version) => new ObjectEntry(object, version));
      store.compact();
      this.#parts.store = store;
    }
    await this.acceptConnections();
  }

  async stop(): Promise<void> {
    await this.refuseConnections();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #must(which: Given): KubeObject {
    const object = this.get(which);
    if (object === undefined) throw new Error(`there is no ${which.kind} "${which.metadata.name ?? ''}"`);
    return object;
  }

  #kindOf({ apiVersion, kind }: Given): Kind {
    const [version = '', group = ''] = apiVersion.split('/').toReversed();
    const found = this.#kinds.find((one) => one.group === group && one.version === version && one.kind === kind);
    if (found === undefined) throw new Error(`the server does not serve ${kind} of ${apiVersion}`);
    return found;
  }

  #now(): string {
    return new Date(this.#clock.wall()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

const lastState = ({ object }: Entry, version: number): Entry => new ObjectEntry(object, version);
