import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { Access } from './access.ts';
import type { Admit } from './admission.ts';
import { DEFINITIONS, established, isEstablished, kindsOf } from './definitions.ts';
import { type Entry, ObjectEntry } from './entry.ts';
import { Faults, type Which, matches } from './faults.ts';
import { type Parts, type Settings, answer, beforeStore, entryOf } from './handler.ts';
import { type Kind, collectionOf } from './kinds.ts';
import { type Listening, Listener, type TlsOptions } from './listener.ts';
import { Load } from './load.ts';
import type { KubeObject, Metadata } from './object.ts';
import { Registry } from './registry.ts';
import { Store, type StoreEvent } from './store.ts';
import { type LoggedRequest, type OpenStream, Transport } from './transport.ts';
import { timestamp } from './writing.ts';

export interface FakeApiServerOptions extends Partial<Settings> {
  /** Of bookmarks, time-outs, timestamps, delays; the system's if absent. */
  readonly clock?: Clock;
  /** Changes of each collection that watches can still be given; 1,000 if absent. */
  readonly historySize?: number;
  /** The version of the empty store; 1,000 if absent. */
  readonly firstVersion?: number;
  /** HTTPS, and users by client certificates. */
  readonly tls?: TlsOptions;
}

/** An object as a test writes it. */
export interface Given {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

/**
 * A Kubernetes API server in this process, on loopback. It keeps the API's rules and refuses what a real one refuses; what it does
 * otherwise stands in docs/design/lab.md. `put` and `delete` are the test's own hand: they pass over rights, admission and finalizers.
 * @example
 * await using api = await FakeApiServer.start();
 * api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'shop' } });
 * api.faults.next({ fault: 'status', status: 429, retryAfterSeconds: 2 }, { verb: 'list', resource: 'pods' });
 */
export class FakeApiServer {
  readonly faults = new Faults();
  readonly access = new Access();
  /** Fills the server with pods, and makes events. */
  readonly load: Load;
  readonly #clock: Clock;
  readonly #options: FakeApiServerOptions;
  readonly #webhooks = new Map<string, Admit>();
  readonly #parts: Parts;
  readonly #transport: Transport;
  readonly #listener: Listener;

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
      store: this.#newStore(options.firstVersion ?? 1_000),
      access: this.access,
      registry: new Registry(),
      webhooks: this.#webhooks,
      settings: {
        bookmarkMs: options.bookmarkMs ?? 60_000,
        expiredAs: options.expiredAs ?? 'event',
        streamingLists: options.streamingLists ?? true,
        dropsManagedFields: options.dropsManagedFields ?? false,
      },
    };
    const certified: Listening['certified'] = (request) => this.#listener.certified(request);
    this.#transport = new Transport(this.#clock, this.faults, (call, faults, request) =>
      answer(this.#parts, call, faults, () => certified(request)),
    );
    this.#listener = new Listener(options.tls, (request, response) => this.#transport.handle(request, response));
    if (options.tls?.clientAuthority !== undefined) this.access.askForCredentials();
    this.load = new Load(() => this.#parts.store, this.#clock);
  }

  /** `http://127.0.0.1:PORT`, with TLS `https://…`. */
  get url(): string {
    return this.#listener.url;
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
      creationTimestamp: given.metadata.creationTimestamp ?? before?.creationTimestamp ?? timestamp(this.#clock),
    };
    const checked = beforeStore({ ...given, metadata }, kind);
    const object = collectionOf(kind) === DEFINITIONS ? established(checked, timestamp(this.#clock)) : checked;
    return store.set(collectionOf(kind), (version) => entryOf(object, version)).object;
  }

  /** Removes; false if it was not there. */
  delete(which: Given): boolean {
    const collection = collectionOf(this.#kindOf(which));
    const { name = '', namespace = '' } = which.metadata;
    const { store } = this.#parts;
    if (store.get(collection, namespace, name) === undefined) return false;
    store.remove(collection, namespace, name, ({ object }, version) => entryOf(object, version));
    return true;
  }

  get(which: Given): KubeObject | undefined {
    return this.#entryOf(which)?.object;
  }

  /** Everything of a kind, in the order of lists. */
  list({ apiVersion, kind }: Pick<Given, 'apiVersion' | 'kind'>): readonly KubeObject[] {
    const { store } = this.#parts;
    const collection = collectionOf(this.#kindOf({ apiVersion, kind, metadata: {} }));
    return (store.table(collection).at(store.version) ?? []).map(({ object }) => object);
  }

  /** Removes without an event: it shows at the next list only. */
  deleteUnseen(which: Given): void {
    const entry = this.#entryOf(which);
    if (entry !== undefined) this.#parts.store.table(collectionOf(this.#kindOf(which))).silently(entry, false);
  }

  /** Deletes it and adds it again under another uid. */
  respawn(which: Given): KubeObject {
    const object = this.get(which);
    if (object === undefined) throw new Error(`there is no ${which.kind} "${which.metadata.name ?? ''}"`);
    const { uid: _, creationTimestamp: __, resourceVersion: ___, ...metadata } = object.metadata;
    this.delete(which);
    return this.put({ ...object, metadata });
  }

  /** A webhook that is asked before every write over HTTP; the returned function removes it. */
  admit(name: string, webhook: Admit): () => void {
    this.#webhooks.set(name, webhook);
    return () => this.#webhooks.delete(name);
  }

  /** Forgets what happened so far: watches and pages from before are too old. */
  compact(): void {
    this.#parts.store.compact();
  }

  /** Nobody is listening any more; what is open is reset. */
  refuseConnections(): Promise<void> {
    return this.#listener.close();
  }

  /** Listens (again, on the same port). */
  acceptConnections(): Promise<void> {
    return this.#listener.open();
  }

  /** The server's own certificate from now on, for new connections. */
  setCertificate(tls: Pick<TlsOptions, 'key' | 'certificate'>): void {
    this.#listener.setCertificate(tls);
  }

  /**
   * The server ends and starts again on the same port: every connection breaks. Absent: with the same objects and versions.
   * `newHistory` begins a new sequence of versions, at `firstVersion` (1 if absent), with the objects that `keep` wants (all if
   * absent): a restored backup.
   */
  async restart(newHistory?: {
    readonly firstVersion?: number;
    readonly keep?: (object: KubeObject) => boolean;
  }): Promise<void> {
    await this.refuseConnections();
    if (newHistory !== undefined) {
      const { firstVersion = 1, keep = (): boolean => true } = newHistory;
      const old = this.#parts.store;
      const store = this.#newStore(firstVersion);
      for (const [collection, { entries }] of old.tables)
        for (const { object } of entries.values())
          if (keep(object)) store.set(collection, (version) => entryOf(object, version));
      store.compact();
      this.#parts.store = store;
    }
    await this.acceptConnections();
  }

  stop(): Promise<void> {
    return this.refuseConnections();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #entryOf(which: Given): Entry | undefined {
    const { name = '', namespace = '' } = which.metadata;
    return this.#parts.store.get(collectionOf(this.#kindOf(which)), namespace, name);
  }

  #kindOf({ apiVersion, kind }: Given): Kind {
    const found = this.#parts.registry.ofObject(this.#parts.store, apiVersion, kind);
    if (found === undefined) throw new Error(`the server does not serve ${kind} of ${apiVersion}`);
    return found;
  }

  #newStore(firstVersion: number): Store {
    const store = new Store(this.#options.historySize ?? 1_000, firstVersion);
    store.table(DEFINITIONS).onEvent((event) => this.#definitionChanged(store, event));
    return store;
  }

  /** A definition is established a moment later; one that goes takes its objects along; watches of a kind whose definition changes end. */
  #definitionChanged(store: Store, { type, entry, previous }: StoreEvent): void {
    if (type !== 'DELETED') setImmediate(() => this.#goOn(store, entry));
    if (previous === undefined) return;
    const [kind] = kindsOf(previous.object);
    if (kind === undefined) return;
    if (type === 'DELETED') {
      const collection = collectionOf(kind);
      for (const { namespace, name } of store.table(collection).at(store.version) ?? [])
        store.remove(collection, namespace, name, ({ object }, version) => new ObjectEntry(object, version));
    } else if (entry.object.metadata.deletionTimestamp !== undefined) {
      return;
    } else if (entry.object.metadata.generation === previous.object.metadata.generation) {
      return;
    }
    const open = this.streams({ group: kind.group, resource: kind.plural });
    // What was deleted is told first.
    setImmediate(() =>
      setImmediate(() => {
        for (const stream of open) stream.end();
      }),
    );
  }

  /** What the server does by itself with a definition that was just written. */
  #goOn(store: Store, { name, version, object }: Entry): void {
    if (store.get(DEFINITIONS, '', name)?.version !== version) return;
    if (object.metadata.deletionTimestamp !== undefined)
      store.remove(DEFINITIONS, '', name, (_, removed) => entryOf(object, removed));
    else if (!isEstablished(object))
      store.set(DEFINITIONS, (next) => entryOf(established(object, timestamp(this.#clock)), next));
  }
}
