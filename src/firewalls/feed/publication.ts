import type { Clock } from '../../base/clock.ts';
import type { Family } from '../../border/ruleset.ts';
import { type FeedList, listVersion } from './feed-list.ts';
import type { FeedStore, StoredLists } from './feed-store.ts';

/** A list as it is given out. */
export interface PublishedList {
  readonly list: FeedList;
  /** `listVersion` of it. */
  readonly version: string;
  /** Milliseconds since the epoch since when it has been so, as far as this process knows. */
  readonly since: number;
}

/** Which part of a list was fetched. */
export type FetchedPart = 'all' | 'ipv4' | 'ipv6';

export const PART_FAMILIES: Readonly<Record<FetchedPart, readonly Family[]>> = { all: [4, 6], ipv4: [4], ipv6: [6] };

/** Who fetched what last. An answer that nothing has changed counts: the consumer has it. */
export interface Fetch {
  readonly consumer: string;
  readonly list: string;
  readonly part: FetchedPart;
  /** `listVersion` of the part. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Consumers and lists are few; whatever asks for names that do not exist leaves no trace. */
const MOST_FETCHES = 10_000;

/** What is given out of one firewall's lists: by the driver published, by the feed server given out. On disk before it is given out. */
export class Publication {
  readonly #store: FeedStore;
  readonly #clock: Clock;
  readonly #lists = new Map<string, PublishedList>();
  readonly #fetches = new Map<string, Fetch>();
  readonly #parts = new WeakMap<FeedList, Partial<Record<FetchedPart, string>>>();
  #strange: StoredLists['strange'] = [];
  /** Rises with each change. */
  #changes = 0;

  /** Gives out what was given out last. Throws `LOCAL_SYSTEM`. */
  constructor(store: FeedStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.readAgain();
  }

  /** What lies among the lists and is none of this owner; not given out. */
  get strange(): StoredLists['strange'] {
    return this.#strange;
  }

  /** Gives out what is on disk now, should another process have changed it. Throws `LOCAL_SYSTEM`. */
  readAgain(): void {
    const { lists, strange } = this.#store.read();
    this.#strange = strange;
    for (const name of this.#lists.keys()) if (!lists.has(name)) this.#forget(name);
    for (const list of lists.values()) {
      const known = this.#lists.get(list.name);
      const isSame = known?.version === listVersion(list) && known.list.resource === list.resource;
      if (!isSame || known.list.use !== list.use) this.#set(list);
    }
  }

  get changes(): number {
    return this.#changes;
  }

  get lists(): ReadonlyMap<string, PublishedList> {
    return this.#lists;
  }

  /** `listVersion` of a part of a list as it is now; `undefined`: it is gone. */
  versionOf(name: string, part: FetchedPart): string | undefined {
    const published = this.#lists.get(name);
    if (published === undefined || part === 'all') return published?.version;
    const { list } = published;
    const known = this.#parts.get(list)?.[part];
    if (known !== undefined) return known;
    const version = listVersion(list, PART_FAMILIES[part]);
    this.#parts.set(list, { ...this.#parts.get(list), [part]: version });
    return version;
  }

  async put(list: FeedList): Promise<void> {
    if (this.#lists.get(list.name)?.list === list) return;
    await this.#store.put(list);
    this.#set(list);
  }

  async remove(name: string): Promise<void> {
    await this.#store.remove(name);
    this.#forget(name);
  }

  /** A consumer has a version of a part of a list: the one that it was given. */
  fetched(fetch: Omit<Fetch, 'at'>): void {
    const key = JSON.stringify([fetch.consumer, fetch.list, fetch.part]);
    if (this.#fetches.has(key) || this.#fetches.size < MOST_FETCHES)
      this.#fetches.set(key, { ...fetch, at: this.#clock.wall() });
  }

  /** The last fetch of each consumer, list and part. */
  fetches(): readonly Fetch[] {
    return [...this.#fetches.values()];
  }

  #forget(name: string): void {
    if (this.#lists.delete(name)) this.#changes += 1;
    for (const [key, { list }] of this.#fetches) if (list === name) this.#fetches.delete(key);
  }

  #set(list: FeedList): void {
    this.#lists.set(list.name, { list, version: listVersion(list), since: this.#clock.wall() });
    this.#changes += 1;
  }
}
