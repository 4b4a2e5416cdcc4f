import type { FeedOwner } from '../firewalls/feed/feed-store.ts';
import type { Publication } from '../firewalls/feed/publication.ts';

/** A firewall's lists, and whose they are. */
export interface Feed {
  readonly owner: FeedOwner;
  readonly publication: Publication;
  /** Nobody else may have changed them: asked before each answer, because a process may have slept. Never waits. */
  readonly holds: () => boolean;
}

/** The lists that this process gives out: of the firewalls that it keeps, and of no others, whose lists may be old here. */
export class Feeds {
  readonly #feeds = new Map<string, Feed>();
  /** Milliseconds since the epoch since when the source has been lost, so that lists stay as they were. */
  frozenSince: number | undefined;

  /** From now on they are given out; what is returned ends it. */
  give(firewall: string, feed: Feed): () => void {
    this.#feeds.set(firewall, feed);
    return () => {
      if (this.#feeds.get(firewall) === feed) this.#feeds.delete(firewall);
    };
  }

  /** `undefined`: another copy keeps the firewall, or may do so by now. */
  of(firewall: string): Feed | undefined {
    const feed = this.#feeds.get(firewall);
    return feed?.holds() === true ? feed : undefined;
  }
}
