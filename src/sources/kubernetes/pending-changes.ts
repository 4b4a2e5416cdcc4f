import type { Resource, ResourceKey } from '../../api/resource.ts';
import type { ResourceChange } from '../source.ts';
import type { Output } from './told.ts';

const POD = 'Pod/';

/** Changes that nobody was told yet: at most one removal and one object for each key, however many events there were. */
export class PendingChanges implements Output {
  readonly #removed = new Set<ResourceKey>();
  /** Pods of those whose deletion the server told. */
  readonly #deleted = new Set<ResourceKey>();
  readonly #objects = new Map<ResourceKey, Resource>();
  readonly #added: () => void;

  /** `added`: something is there to be told. */
  constructor(added: () => void) {
    this.#added = added;
  }

  get size(): number {
    return this.#removed.size + this.#objects.size;
  }

  put(key: ResourceKey, resource: Resource): void {
    this.#objects.set(key, resource);
    this.#added();
  }

  delete(key: ResourceKey, isEvent = false): void {
    this.#removed.add(key);
    if (isEvent && key.startsWith(POD)) this.#deleted.add(key);
    this.#objects.delete(key);
    this.#added();
  }

  /**
   * Of pods, that they were deleted, and nothing else: what may be told while others cannot be believed. One that was made anew meanwhile
   * waits with the rest.
   */
  takeDeletedPods(): readonly ResourceChange[] {
    const changes: ResourceChange[] = [];
    for (const key of this.#deleted) {
      this.#removed.delete(key);
      changes.push({ kind: 'delete', key });
    }
    this.#deleted.clear();
    return changes;
  }

  /** All of them; removals first, so that an address that moves is free before it is taken. */
  take(): readonly ResourceChange[] {
    const changes: ResourceChange[] = [];
    for (const key of this.#removed) changes.push({ kind: 'delete', key });
    for (const resource of this.#objects.values()) changes.push({ kind: 'put', resource });
    this.#removed.clear();
    this.#deleted.clear();
    this.#objects.clear();
    return changes;
  }
}
