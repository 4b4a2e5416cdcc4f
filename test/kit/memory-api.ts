import { SallyportError } from '../../src/base/error.ts';
import { refusal } from '../../src/kubernetes/api-errors.ts';
import type { ApiClient, ApiRequest, ApiStream } from '../../src/kubernetes/api-client.ts';

/** An object as it is put in. */
export interface MemoryObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string };
  readonly [field: string]: unknown;
}

interface Stored {
  readonly uid: string;
  readonly version: number;
  readonly body: object;
}

/** A collection: its objects, and what happened since it can be told. */
interface Table {
  readonly objects: Map<string, Stored>;
  history: { readonly type: string; readonly stored: Stored }[];
  /** Watches from before this version are too old. */
  oldest: number;
}

type Piece = { readonly bytes: Uint8Array } | { readonly error?: SallyportError };

/** A body that a test writes while it is read. */
export class MemoryStream {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  isOpen = true;
  #pieces: Piece[] = [];
  #wake: () => void = () => {};

  constructor({ path, query = {} }: ApiRequest) {
    this.path = path;
    this.query = query;
  }

  send(bytes: Uint8Array | string): void {
    this.#add({ bytes: Buffer.from(bytes) });
  }

  event(type: string, object: object): void {
    this.send(`${JSON.stringify({ type, object })}\n`);
  }

  /** As servers end it; with an error: the connection breaks. */
  end(error?: SallyportError): void {
    this.isOpen = false;
    this.#add(error === undefined ? {} : { error });
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake);
    try {
      for (;;) {
        if (signal.aborted) throw signal.reason;
        const piece = this.#pieces.shift();
        if (piece === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
        else if ('bytes' in piece) yield piece.bytes;
        else if (piece.error !== undefined) throw piece.error;
        else return;
      }
    } finally {
      this.isOpen = false;
      signal.removeEventListener('abort', wake);
    }
  }

  #add(piece: Piece): void {
    this.#pieces.push(piece);
    this.#wake();
  }
}

/** What a test makes of a request: an error, another answer, or (`undefined`) nothing. */
export type Intercept = (request: ApiRequest) => SallyportError | MemoryStream | object | undefined;

/** Paths of collections that tests use. */
export const PODS = '/api/v1/pods';
export const NAMESPACES = '/api/v1/namespaces';
export const NODES = '/api/v1/nodes';
export const POLICIES = '/apis/networking.k8s.io/v1/networkpolicies';
export const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const builtIn: readonly string[] = [
  PODS,
  NAMESPACES,
  POLICIES,
  '/api/v1/serviceaccounts',
  NODES,
  '/apis/discovery.k8s.io/v1/endpointslices',
  CRDS,
];

/** An API server in memory, without time and without a network: lists, watches, and what servers serve. */
export class MemoryApi implements ApiClient {
  readonly title = 'memory';
  readonly requests: ApiRequest[] = [];
  readonly #streams: MemoryStream[] = [];
  readonly #tables = new Map<string, Table>();
  /** Versions of groups by path, with the plurals that are served. */
  readonly #served = new Map<string, Set<string>>();
  intercept: Intercept = () => undefined;
  /** Whether lists can be streamed. */
  streamsLists = true;
  #version: number;
  #uids = 0;

  /** `served`: paths of collections. */
  constructor(served: readonly string[] = builtIn, firstVersion = 1_000) {
    this.#version = firstVersion;
    for (const path of served) this.serve(path);
  }

  get version(): string {
    return String(this.#version);
  }

  serve(path: string): void {
    const [, root, plural] = /^(.*)\/([^/]+)$/.exec(path) ?? [];
    if (root === undefined || plural === undefined) throw new Error(path);
    this.#served.set(root, (this.#served.get(root) ?? new Set()).add(plural));
    this.#tables.set(path, { objects: new Map(), history: [], oldest: this.#version });
  }

  unserve(path: string): void {
    const [, root = '', plural = ''] = /^(.*)\/([^/]+)$/.exec(path) ?? [];
    this.#served.get(root)?.delete(plural);
    if (this.#served.get(root)?.size === 0) this.#served.delete(root);
    this.#tables.delete(path);
    for (const stream of this.watches(path)) stream.end();
  }

  /** Creates or replaces. `isTold`: watches hear of it. */
  put(path: string, object: MemoryObject, isTold = true): void {
    const { objects } = this.#table(path);
    const key = keyOf(object.metadata);
    const before = objects.get(key);
    const uid = object.metadata.uid ?? before?.uid ?? `uid-${++this.#uids}`;
    const stored = this.#store(object, uid);
    objects.set(key, stored);
    const isNew = before === undefined;
    if (before !== undefined && before.uid !== uid) this.#happened(path, 'DELETED', before, isTold);
    this.#happened(path, isNew || before.uid !== uid ? 'ADDED' : 'MODIFIED', stored, isTold);
  }

  delete(path: string, name: string, isTold = true): void {
    const { objects } = this.#table(path);
    const before = objects.get(name);
    if (before === undefined) return;
    objects.delete(name);
    this.#happened(path, 'DELETED', this.#store(before.body, before.uid), isTold);
  }

  /** The objects of a collection, as they are sent. */
  bodies(
    path: string,
  ): readonly { readonly metadata: { readonly name: string }; readonly spec?: { readonly nodeName?: string } }[] {
    return [...(this.#tables.get(path)?.objects.values() ?? [])].map(({ body }) => body as never);
  }

  /** Forgets what happened so far. */
  compact(): void {
    for (const table of this.#tables.values()) {
      table.history = [];
      table.oldest = this.#version;
    }
  }

  /** Begins another sequence of versions, as a restored backup does. */
  restore(firstVersion: number): void {
    this.#version = firstVersion;
    for (const table of this.#tables.values()) {
      for (const [key, { body, uid }] of table.objects) table.objects.set(key, this.#store(body, uid));
      table.history = [];
      table.oldest = 0;
    }
  }

  bookmark(path: string, annotations?: object): void {
    for (const stream of this.watches(path))
      stream.event('BOOKMARK', { metadata: { resourceVersion: this.version, ...(annotations && { annotations }) } });
  }

  /** Watches that are open. */
  watches(path?: string): readonly MemoryStream[] {
    return this.#streams.filter((stream) => stream.isOpen && (path === undefined || stream.path === path));
  }

  /** Lists and watches of a path so far. */
  asked(path: string, kind?: 'list' | 'watch'): readonly ApiRequest[] {
    return this.requests.filter(
      (request) =>
        request.path === path && (kind === undefined || (request.query?.['watch'] === 'true') === (kind === 'watch')),
    );
  }

  async call(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    const { chunks } = await this.open(request, signal);
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    return JSON.parse(Buffer.concat(parts).toString()) as unknown;
  }

  async open(request: ApiRequest, signal: AbortSignal): Promise<ApiStream> {
    await Promise.resolve();
    if (signal.aborted) throw signal.reason;
    this.requests.push(request);
    const answer = this.intercept(request) ?? this.#answer(request);
    if (answer instanceof Error) throw answer;
    const stream = answer instanceof MemoryStream ? answer : new MemoryStream(request);
    if (answer !== stream) {
      stream.send(JSON.stringify(answer));
      stream.end();
    }
    return { contentType: 'application/json', chunks: stream.chunks(signal) };
  }

  async close(): Promise<void> {}

  #answer(request: ApiRequest): SallyportError | MemoryStream | object {
    const { path, query = {} } = request;
    if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
    if (path === '/apis') return this.#groups();
    const plurals = this.#served.get(path);
    if (plurals !== undefined)
      return { kind: 'APIResourceList', resources: [...plurals].map((name) => ({ name, verbs: ['list', 'watch'] })) };
    const table = this.#tables.get(path);
    if (table !== undefined)
      return query['watch'] === 'true' ? this.#watch(request, table) : this.#list(request, table);
    const [, collection = '', name = ''] = /^(.*)\/([^/]+)$/.exec(path) ?? [];
    return this.#tables.get(collection)?.objects.get(name)?.body ?? refused(404, 'NotFound');
  }

  #groups(): object {
    const groups = new Map<string, string[]>();
    for (const root of this.#served.keys()) {
      const [, group, version] = /^\/apis\/([^/]+)\/([^/]+)$/.exec(root) ?? [];
      if (group !== undefined && version !== undefined) groups.set(group, [...(groups.get(group) ?? []), version]);
    }
    const list = [...groups].map(([name, versions]) => ({ name, versions: versions.map((version) => ({ version })) }));
    return { kind: 'APIGroupList', groups: list };
  }

  #list({ query = {} }: ApiRequest, { objects, oldest }: Table): SallyportError | object {
    const [version = '', after = ''] = (query['continue'] ?? `${this.version}|`).split('|');
    if (after !== '' && Number(version) < oldest) return refused(410, 'Expired');
    const limit = Number(query['limit'] ?? 0);
    const keys = [...objects.keys()].sort().filter((key) => key > after);
    const page = limit === 0 ? keys : keys.slice(0, limit);
    const more = page.length < keys.length ? { continue: `${version}|${page.at(-1)}` } : {};
    return {
      metadata: { resourceVersion: version, ...more },
      items: page.map((key) => objects.get(key)?.body),
    };
  }

  #watch(request: ApiRequest, { objects, history, oldest }: Table): SallyportError | MemoryStream {
    const { query = {} } = request;
    const stream = new MemoryStream(request);
    if (query['sendInitialEvents'] === 'true') {
      if (!this.streamsLists) return refused(422, 'Invalid');
      for (const { body } of objects.values()) stream.event('ADDED', body);
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      stream.event('BOOKMARK', { metadata: { resourceVersion: this.version, annotations } });
    } else {
      const from = Number(query['resourceVersion']);
      if (from < oldest) return refused(410, 'Expired');
      for (const { type, stored } of history) if (stored.version > from) stream.event(type, stored.body);
    }
    this.#streams.push(stream);
    return stream;
  }

  #table(path: string): Table {
    const table = this.#tables.get(path);
    if (table === undefined) throw new Error(`${path} is not served`);
    return table;
  }

  #store(object: object, uid: string): Stored {
    const version = ++this.#version;
    const metadata = 'metadata' in object ? (object.metadata as object) : {};
    return { uid, version, body: { ...object, metadata: { ...metadata, uid, resourceVersion: String(version) } } };
  }

  #happened(path: string, type: string, stored: Stored, isTold: boolean): void {
    if (!isTold) return;
    this.#table(path).history.push({ type, stored });
    for (const stream of this.watches(path)) stream.event(type, stored.body);
  }
}

const keyOf = ({ namespace, name }: MemoryObject['metadata']): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

/** What an `HttpApiClient` makes of a refusal. */
export function refused(status: number, reason: string, retryAfterMs?: number): SallyportError {
  return refusal({ title: 'memory', secrets: [] }, status, { reason }, { retryAfterMs });
}

export const broken = (): SallyportError => new SallyportError('API_UNREACHABLE', 'the connection was cut');
