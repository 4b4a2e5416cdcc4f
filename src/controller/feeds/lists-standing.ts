import type { Fetch } from '../../firewalls/feed/publication.ts';

/** What a consumer has of a firewall's lists, as far as this process gave it out. */
export interface ConsumerStanding {
  readonly name: string;
  /** Milliseconds since the epoch; `undefined`: it has fetched nothing yet. */
  readonly fetchedAt: number | undefined;
  /** It has fetched nothing for an hour, or since these lists are given out here. */
  readonly isLate: boolean;
  /** Lists that it fetched: those that are still so, and those that have changed since. */
  readonly current: number;
  readonly behind: number;
}

/** How the lists of one firewall stand. */
export interface ListsStanding {
  readonly given: number;
  /** Milliseconds since the epoch since when the source has been lost, so that they stay as they were. */
  readonly frozenSince: number | undefined;
  /** In the order of the configuration. */
  readonly consumers: readonly ConsumerStanding[];
  /** Each consumer's last fetch of each list; `isCurrent`: the list is still so. */
  readonly fetches: readonly (Fetch & { readonly isCurrent: boolean })[];
}
