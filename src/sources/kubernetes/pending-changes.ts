import type { Resource, ResourceKey } from '../../api/resource.ts';
import type { ResourceChange } from '../source.ts';
import type { Output } from './told.ts';

interface Pending {
  readonly isDeleted: boolean;
  readonly resource?: Resource;
}

/** Changes that nobody was told yet: at most one removal and one object for each key, however many events there were. */
export class PendingChanges implements Output {
  readonly #changes = new Map<ResourceKey, Pending>();
  readonly #added: () => void;

  /** `added`: something is there to be told. */
  constructor(added: () => void) {
    this.#added = added;
  }

  get size(): number {
    return this.#changes.size;
  }

  put(key: ResourceKey, resource: Resource): void {
    this.#changes.set(key, { isDeleted: this.#changes.get(key)?.isDeleted ?? false, resource });
    this.#added();
  }

  delete(key: ResourceKey): void {
    this.#changes.set(key, { isDeleted: true });
    this.#added();
  }

  /** All of them; removals first, so that an address that moves is free before it is taken. */
  take(): readonly ResourceChange[] {
    const changes: ResourceChange[] = [];
    for (const [key, { isDeleted }] of this.#changes) if (isDeleted) changes.push({ kind: 'delete', key });
    for (const { resource } of this.#changes.values())
      if (resource !== undefined) changes.push({ kind: 'put', resource });
    this.#changes.clear();
    return changes;
  }
}
