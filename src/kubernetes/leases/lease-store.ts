import { SallyportError } from '../../base/error.ts';
import type { ApiClient, ApiRequest } from '../api-client.ts';
import { resourcePath } from '../resource-path.ts';
import { type LeaseContent, type LeasePlace, type LeaseRecord, leaseObject, readLease } from './lease.ts';

const LEASES = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
/** A slower answer is worth nothing: the next try is due. */
const DEADLINE_MS = 4_000;

/** The Leases of one namespace. Every write names the version that it replaces. */
export class LeaseStore {
  readonly #client: ApiClient;
  readonly #namespace: string;
  readonly #cluster: string;

  constructor(client: ApiClient, namespace: string, cluster: string) {
    this.#client = client;
    this.#namespace = namespace;
    this.#cluster = cluster;
  }

  /** All of them, whatever their labels say: those are a hand's to change. */
  async list(signal: AbortSignal): Promise<readonly LeaseRecord[]> {
    const answer = await this.#call({ method: 'GET', path: this.#path() }, signal);
    const { items } = (answer ?? {}) as { readonly items?: unknown };
    if (!Array.isArray(items)) throw new SallyportError('API_FAILED', 'a list of Leases has no items');
    return items.flatMap((item) => readLease(item, this.#cluster) ?? []);
  }

  /** `undefined`: there is none. */
  async get(name: string, signal: AbortSignal): Promise<LeaseRecord | undefined> {
    try {
      return this.#read(await this.#call({ method: 'GET', path: this.#path(name) }, signal));
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
  }

  /** Rejects with API_CONFLICT where there is one of that name. */
  async create(place: LeasePlace, content: LeaseContent, signal: AbortSignal): Promise<LeaseRecord> {
    const body = leaseObject(place, content, this.#namespace);
    return this.#read(await this.#call({ method: 'POST', path: this.#path(), body }, signal));
  }

  /** Rejects with API_CONFLICT where it is no longer `before`, with API_NOT_FOUND where it is gone. */
  async replace(
    place: LeasePlace,
    content: LeaseContent,
    before: LeaseRecord,
    signal: AbortSignal,
  ): Promise<LeaseRecord> {
    const body = leaseObject(place, content, this.#namespace, before);
    return this.#read(await this.#call({ method: 'PUT', path: this.#path(place.name), body }, signal));
  }

  /** Removes it if it is still `before`. */
  async remove({ name, uid, resourceVersion }: LeaseRecord, signal: AbortSignal): Promise<void> {
    const preconditions = { resourceVersion, ...(uid === '' ? {} : { uid }) };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
    await this.#call({ method: 'DELETE', path: this.#path(name), body }, signal);
  }

  #path(name = ''): string {
    return resourcePath(LEASES, { namespace: this.#namespace, name });
  }

  #call(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    return this.#client.call({ ...request, deadlineMs: DEADLINE_MS }, signal);
  }

  #read(answer: unknown): LeaseRecord {
    const record = readLease(answer, this.#cluster);
    if (record === undefined) throw new SallyportError('API_FAILED', 'what was answered is no Lease');
    return record;
  }
}

export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof SallyportError && thrown.code === 'API_NOT_FOUND';
}

export function isConflict(thrown: unknown): boolean {
  return thrown instanceof SallyportError && thrown.code === 'API_CONFLICT';
}
