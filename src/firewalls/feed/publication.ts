import type { Clock } from '../../base/clock.ts';
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

/** Who fetched what last. An answer that nothing has changed counts: the consumer has it. */
export interface Fetch {
  readonly consumer: string;
  readonly list: string;
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
  /** What lies among the lists and is none of this owner; not given out. */
  readonly strange: StoredLists['strange'];
  /** Rises with each change. */
  #changes = 0;

  /** Gives out what was given out last. Throws `LOCAL_SYSTEM`. */
  constructor(store: FeedStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    const { lists, strange } = store.read();
    this.strange = strange;
    for (const list of lists.values()) this.#set(list);
  }

  get changes(): number {
    return this.#changes;
  }

  get lists(): ReadonlyMap<string, PublishedList> {
    return this.#lists;
  }

  async put(list: FeedList): Promise<void> {
    if (this.#lists.get(list.name)?.list === list) return;
    await this.#store.put(list);
    this.#set(list);
  }

  async remove(name: string): Promise<void> {
    await this.#store.remove(name);
    if (this.#lists.delete(name)) this.#changes += 1;
    for (const [key, { list }] of this.#fetches) if (list === name) this.#fetches.delete(key);
  }

  fetched(consumer: string, list: string, version: string): void {
    const key = JSON.stringify([consumer, list]);
    if (this.#fetches.has(key) || this.#fetches.size < MOST_FETCHES)
      this.#fetches.set(key, { consumer, list, version, at: this.#clock.wall() });
  }

  /** The last fetch of each consumer and list. */
  fetches(): readonly Fetch[] {
    return [...this.#fetches.values()];
  }

  #set(list: FeedList): void {
    this.#lists.set(list.name, { list, version: listVersion(list), since: this.#clock.wall() });
    this.#changes += 1;
  }
}
