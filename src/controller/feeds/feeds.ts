import type { Clock } from '../../base/clock.ts';
import type { FeedOwner } from '../../firewalls/feed/feed-store.ts';
import type { ListsStanding } from './lists-standing.ts';
import type { Fetch, Publication } from '../../firewalls/feed/publication.ts';
import type { SourceState } from '../../sources/source.ts';
import type { Metrics } from '../metrics.ts';

/** A firewall's lists, and whose they are. */
export interface Feed {
  readonly owner: FeedOwner;
  readonly publication: Publication;
  /** Nobody else may have changed them: asked before each answer, because a process may have slept. Never waits. */
  readonly holds: () => boolean;
}

interface Given extends Feed {
  /** When (monotonic) this process began to give them out. */
  readonly since: number;
  /** When (monotonic) each consumer fetched last. */
  readonly fetchedAt: Map<string, number>;
  /** Lists were there before this process knew what is wanted, or what is wanted was read back: a list that is not there does not exist. */
  isWhole: boolean;
}

export interface FeedsOptions {
  readonly clock: Clock;
  readonly metrics?: Metrics;
  /** Everybody who may fetch. */
  readonly consumers?: readonly { readonly name: string; readonly firewall: string }[];
}

/** Firewalls ask every few minutes; the slowest that are known, every half hour. */
const LATE_MS = 3_600_000;

/** The lists that this process gives out: of the firewalls that it keeps, and of no others, whose lists may be old here. */
export class Feeds {
  readonly #options: FeedsOptions;
  readonly #feeds = new Map<string, Given>();
  #source: { readonly state: SourceState; readonly isFrozen: (firewall: string) => boolean } | undefined;

  constructor(options: FeedsOptions) {
    this.#options = options;
    const { feedFetched, feedBehind, feedLate } = options.metrics ?? {};
    for (const gauge of [feedFetched, feedBehind, feedLate])
      if (gauge !== undefined) gauge.standings = () => this.standings();
  }

  /** From now on they are given out; what is returned ends it. */
  give(firewall: string, feed: Feed): () => void {
    const since = this.#options.clock.monotonic();
    const given = { ...feed, since, fetchedAt: new Map<string, number>(), isWhole: feed.publication.lists.size > 0 };
    this.#feeds.set(firewall, given);
    return () => {
      if (this.#feeds.get(firewall) === given) this.#feeds.delete(firewall);
    };
  }

  /** `undefined`: another copy keeps the firewall, or may do so by now. */
  of(firewall: string): Feed | undefined {
    const feed = this.#feeds.get(firewall);
    return feed?.holds() === true ? feed : undefined;
  }

  /** How the source of all lists stands, and for which firewalls something is lost that feeds them. */
  source(state: SourceState, isFrozen: (firewall: string) => boolean): void {
    this.#source = { state, isFrozen };
  }

  /** Milliseconds since the epoch since when a firewall's lists stay as they were, because what feeds it is lost. */
  frozenSince(firewall: string): number | undefined {
    const { state, isFrozen } = this.#source ?? {};
    return state?.kind === 'frozen' && isFrozen?.(firewall) === true ? state.sinceMs : undefined;
  }

  /** What is wanted of a firewall was read back. */
  confirmed(firewall: string): void {
    const feed = this.#feeds.get(firewall);
    if (feed !== undefined) feed.isWhole = true;
  }

  /** Whether a list that is not there does not exist. Before, on an empty disk, nobody knows: who took over has yet to write them. */
  isWhole(firewall: string): boolean {
    return this.#feeds.get(firewall)?.isWhole === true;
  }

  /** A consumer was given lists whole, or told that they are as it has them. */
  fetched(
    { name: consumer, firewall }: { readonly name: string; readonly firewall: string },
    fetches: readonly Omit<Fetch, 'consumer' | 'at'>[],
    result: 'whole' | 'unchanged',
  ): void {
    const feed = this.#feeds.get(firewall);
    if (feed === undefined || fetches.length === 0) return;
    for (const fetch of fetches) feed.publication.fetched({ ...fetch, consumer });
    feed.fetchedAt.set(consumer, this.#options.clock.monotonic());
    this.#options.metrics?.feedFetches.inc({ firewall, consumer, result });
  }

  /** Of every firewall whose lists this process gives out, by name. */
  standings(): ReadonlyMap<string, ListsStanding> {
    return new Map(
      [...this.#feeds.keys()].flatMap((name) => {
        const standing = this.standing(name);
        return standing === undefined ? [] : [[name, standing] as const];
      }),
    );
  }

  /** `undefined`: this process gives none out. */
  standing(firewall: string): ListsStanding | undefined {
    const feed = this.#feeds.get(firewall);
    if (feed?.holds() !== true) return undefined;
    const { publication, since } = feed;
    const now = this.#options.clock.monotonic();
    const fetches = publication.fetches().map((fetch) => ({
      ...fetch,
      isCurrent: publication.versionOf(fetch.list, fetch.part) === fetch.version,
    }));
    const own = (this.#options.consumers ?? []).filter((consumer) => consumer.firewall === firewall);
    const consumers = own.map(({ name }) => {
      const mine = fetches.filter(({ consumer }) => consumer === name);
      const fetchedAt = mine.length === 0 ? undefined : Math.max(...mine.map(({ at }) => at));
      const current = mine.filter(({ isCurrent }) => isCurrent).length;
      const isLate = now - (feed.fetchedAt.get(name) ?? since) >= LATE_MS;
      return { name, fetchedAt, isLate, current, behind: mine.length - current };
    });
    return { given: publication.lists.size, frozenSince: this.frozenSince(firewall), consumers, fetches };
  }
}
