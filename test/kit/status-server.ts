import { kinds } from '../../src/api/kinds.ts';
import { type RawMap, isMap } from '../../src/api/shape.ts';
import { SallyportError } from '../../src/base/error.ts';
import type { ApiClient, ApiRequest, ApiStream } from '../../src/kubernetes/api-client.ts';

interface Stored {
  readonly uid: string;
  readonly spec: RawMap;
  resourceVersion: number;
  /** What each manager applied last. */
  readonly applied: Map<string, RawMap>;
}

/** Keys of the lists whose entries are owned one by one. */
const LIST_KEYS: Readonly<Record<string, string>> = { conditions: 'type', firewalls: 'name' };

/**
 * As much of an API server as writing statuses and events needs: objects by path, server-side apply to their status by manager, events.
 * It can fail, and it counts. The strict fake and the real server are asked the same in other tests.
 */
export class StatusServer implements ApiClient {
  readonly title = 'the status server';
  readonly requests: ApiRequest[] = [];
  readonly events: RawMap[] = [];
  readonly #objects = new Map<string, Stored>();
  #failing: ((request: ApiRequest) => SallyportError | undefined) | undefined;
  #uids = 0;

  /** Creates an object without status; its uid is the answer. */
  create(path: string, spec: RawMap = {}): string {
    this.#uids += 1;
    const uid = `uid-${this.#uids}`;
    this.#objects.set(path, { uid, spec, resourceVersion: 1, applied: new Map() });
    return uid;
  }

  delete(path: string): void {
    this.#objects.delete(path);
  }

  /** Every request for which this gives an error fails so; `undefined`: none fails any more. */
  failing(how: ((request: ApiRequest) => SallyportError | undefined) | undefined): void {
    this.#failing = how;
  }

  statusOf(path: string): RawMap {
    const stored = this.#objects.get(path);
    const status: Record<string, unknown> = {};
    for (const applied of stored?.applied.values() ?? [])
      for (const [name, value] of Object.entries(applied)) {
        const before = status[name];
        status[name] =
          name in LIST_KEYS && Array.isArray(before) ? [...(before as unknown[]), ...(value as unknown[])] : value;
      }
    return status;
  }

  /** A hand takes a field out of a status, whoever applied it. */
  takeOut(path: string, field: string): void {
    const stored = this.#objects.get(path);
    if (stored === undefined) return;
    for (const [manager, { [field]: _, ...rest }] of stored.applied) stored.applied.set(manager, rest);
    stored.resourceVersion += 1;
  }

  resourceVersion(path: string): number | undefined {
    return this.#objects.get(path)?.resourceVersion;
  }

  async call(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    await Promise.resolve();
    if (signal.aborted) throw new SallyportError('API_UNREACHABLE', 'told to stop');
    this.requests.push(request);
    const error = this.#failing?.(request);
    if (error !== undefined) throw error;
    if (request.path.includes('/events.k8s.io/')) return this.#event(request);
    const path = request.path.replace(/\/status$/, '');
    const stored = this.#objects.get(path);
    if (stored === undefined) throw new SallyportError('API_NOT_FOUND', `${path} not found`, { status: 404 });
    if (request.method === 'PATCH') this.#apply(stored, path, request);
    return {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: kinds.find(({ plural }) => plural === path.split('/').at(-2))?.kind,
      metadata: { name: path.split('/').at(-1), uid: stored.uid, resourceVersion: String(stored.resourceVersion) },
      spec: stored.spec,
      status: this.statusOf(path),
    };
  }

  open(): Promise<ApiStream> {
    return Promise.reject(new SallyportError('API_NOT_FOUND', 'nothing is listed here'));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #apply(stored: Stored, path: string, { path: asked, contentType, query, body }: ApiRequest): void {
    const { metadata, status } = isMap(body) ? body : {};
    const manager = query?.['fieldManager'];
    const right =
      contentType === 'application/apply-patch+yaml' &&
      asked.endsWith('/status') &&
      manager !== undefined &&
      isMap(status);
    if (!right) throw new SallyportError('API_REFUSED', 'this is no apply to a status', { status: 400 });
    // As the real one: a uid binds no write to a status, a version does.
    const version = isMap(metadata) ? metadata['resourceVersion'] : undefined;
    if (version !== undefined && version !== String(stored.resourceVersion))
      throw new SallyportError('API_CONFLICT', 'the object has been modified', { status: 409 });
    const before = JSON.stringify(this.statusOf(path));
    stored.applied.set(manager, structuredClone(status));
    if (JSON.stringify(this.statusOf(path)) !== before) stored.resourceVersion += 1;
  }

  #event({ method, path, body }: ApiRequest): unknown {
    const name = path.split('/').at(-1);
    if (method === 'POST') {
      this.events.push(structuredClone(body) as RawMap);
      return body;
    }
    const found = this.events.findIndex(({ metadata }) => isMap(metadata) && metadata['name'] === name);
    if (found === -1) throw new SallyportError('API_NOT_FOUND', `${path} not found`, { status: 404 });
    this.events[found] = { ...this.events[found], ...(body as RawMap) };
    return this.events[found];
  }
}
