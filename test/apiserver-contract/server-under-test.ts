import { type ApiObject, type ApiTarget, RawApi, type RawStream } from '../kit/raw-api.ts';

/** An API server as the contract asks for it: empty but for what every cluster has. */
export interface ServerUnderTest {
  /** Somebody who may do everything. */
  readonly target: ApiTarget;
  /** Makes what was given out so far too old: continue tokens, and version 1 for watches. */
  expireHistory(): Promise<void>;
  /** Lets time pass where it does not by itself. */
  pass(ms: number): void;
  stop(): Promise<void>;
}

/** One sentence of the contract, and the proof. */
export type Clause = (title: string, prove: () => Promise<void>) => void;

/** The server of one run of the contract, with what its tests arrange. */
export class Stage {
  readonly server: ServerUnderTest;
  readonly api: RawApi;
  #namespaces = 0;

  constructor(server: ServerUnderTest) {
    this.server = server;
    this.api = new RawApi(server.target);
  }

  /** A namespace of its own for a test, with the account that every pod needs; no controller makes it. */
  async namespace(): Promise<string> {
    this.#namespaces += 1;
    const name = `contract-${this.#namespaces}`;
    await this.api.json('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await this.api.json('POST', `/api/v1/namespaces/${name}/serviceaccounts`, account);
    return name;
  }

  /** A pod as a user makes it, with what the kubelet says of it. */
  async pod(
    namespace: string,
    name: string,
    labels: Readonly<Record<string, string>> = {},
    ip?: string,
  ): Promise<ApiObject> {
    const created = await this.api.json('POST', pods(namespace), pod(name, labels));
    if (ip === undefined) return created;
    const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] };
    return this.api.json('PUT', `${pods(namespace)}/${name}/status`, { ...created, status });
  }

  async configMap(namespace: string, name: string, data: Readonly<Record<string, string>> = {}): Promise<ApiObject> {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
    return this.api.json('POST', configMaps(namespace), object);
  }

  list(path: string): Promise<List> {
    return this.api.json<List>('GET', path);
  }

  /** The events of a watch (its path with its query) until one is the last wanted, or the server ends it. */
  async watch(path: string, isLast: (event: WatchEvent) => boolean = () => false): Promise<WatchEvent[]> {
    const stream = await this.api.open({ path });
    const events: WatchEvent[] = [];
    for await (const line of linesOf(stream)) {
      const event = JSON.parse(line) as WatchEvent;
      events.push(event);
      if (isLast(event)) break;
    }
    return events;
  }

  async stop(): Promise<void> {
    this.api.close();
    await this.server.stop();
  }
}

export interface List {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly ApiObject[];
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  /** A Status if the type is ERROR. */
  readonly object: ApiObject & { readonly code?: number; readonly reason?: string };
}

/** The body of a refusal. */
export interface Status {
  readonly kind: string;
  readonly apiVersion: string;
  readonly status: string;
  readonly message: string;
  readonly reason: string;
  readonly code: number;
  readonly metadata: object;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

export const pods = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
export const configMaps = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;

export function pod(name: string, labels: Readonly<Record<string, string>> = {}): object {
  const spec = {
    containers: [{ name: 'main', image: 'example/image:1', ports: [{ name: 'web', containerPort: 8080 }] }],
  };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec };
}

export async function* linesOf(stream: RawStream): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream.chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** Sends, and gives the refusal with its HTTP status; throws if it was not refused. */
export async function refusal(
  api: RawApi,
  method: string,
  path: string,
  body?: unknown,
  contentType = 'application/json',
): Promise<Status & { readonly http: number }> {
  const answer = await api.send({ method, path, body, headers: { 'content-type': contentType } });
  const text = answer.bytes.toString('utf8');
  if (answer.status < 400) throw new Error(`${method} ${path} was not refused: ${answer.status} ${text}`);
  return { ...(JSON.parse(text) as Status), http: answer.status };
}
