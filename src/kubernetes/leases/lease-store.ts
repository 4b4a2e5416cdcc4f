import { SallyportError } from '../../base/error.ts';
import type { ApiClient } from '../api-client.ts';
import { createObject, deleteObject, getObject, replaceObject } from '../objects.ts';
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
    this.#client = {
      title: client.title,
      call: (request, signal) => client.call({ ...request, deadlineMs: DEADLINE_MS }, signal),
      open: (request, signal, silenceMs) => client.open(request, signal, silenceMs),
      close: () => client.close(),
    };
    this.#namespace = namespace;
    this.#cluster = cluster;
  }

  /** All of them, whatever their labels say: those are a hand's to change. */
  async list(signal: AbortSignal): Promise<readonly LeaseRecord[]> {
    const path = resourcePath(LEASES, { namespace: this.#namespace });
    const answer = await this.#client.call({ method: 'GET', path }, signal);
    const { items } = (answer ?? {}) as { readonly items?: unknown };
    if (!Array.isArray(items)) throw new SallyportError('API_FAILED', 'a list of Leases has no items');
    return items.flatMap((item) => readLease(item, this.#cluster) ?? []);
  }

  /** `undefined`: there is none. */
  async get(name: string, signal: AbortSignal): Promise<LeaseRecord | undefined> {
    const answer = await getObject(this.#client, LEASES, this.#which(name), signal);
    return answer === undefined ? undefined : this.#read(answer);
  }

  /** Rejects with API_CONFLICT where there is one of that name. */
  async create(place: LeasePlace, content: LeaseContent, signal: AbortSignal): Promise<LeaseRecord> {
    const body = leaseObject(place, content, this.#namespace, undefined);
    return this.#read(await createObject(this.#client, LEASES, { namespace: this.#namespace }, body, signal));
  }

  /** Rejects with API_CONFLICT where it is no longer `before`, with API_NOT_FOUND where it is gone. */
  async replace(
    place: LeasePlace,
    content: LeaseContent,
    before: LeaseRecord,
    signal: AbortSignal,
  ): Promise<LeaseRecord> {
    const body = leaseObject(place, content, this.#namespace, before);
    return this.#read(await replaceObject(this.#client, LEASES, this.#which(place.name), body, signal));
  }

  /** Removes it if it is still `before`. */
  remove({ name, uid, resourceVersion }: LeaseRecord, signal: AbortSignal): Promise<void> {
    return deleteObject(this.#client, LEASES, this.#which(name), { uid, resourceVersion }, signal);
  }

  #which(name: string): { readonly namespace: string; readonly name: string } {
    return { namespace: this.#namespace, name };
  }

  #read(answer: unknown): LeaseRecord {
    const record = readLease(answer, this.#cluster);
    if (record === undefined) throw new SallyportError('API_FAILED', 'what was answered is no Lease');
    return record;
  }
}

/** The Lease is no longer as it was seen: somebody changed it, or it is gone. */
export function isOutdated(thrown: unknown): boolean {
  return thrown instanceof SallyportError && (thrown.code === 'API_CONFLICT' || thrown.code === 'API_NOT_FOUND');
}
