import type { FeedOwner } from '../firewalls/feed/feed-store.ts';
import type { Publication } from '../firewalls/feed/publication.ts';

/** A firewall's lists, and whose they are. */
export interface Feed {
  readonly owner: FeedOwner;
  readonly publication: Publication;
}

/** The lists that this process gives out: of the firewalls that it keeps, and of no others, whose lists may be old here. */
export class Feeds {
  readonly #feeds = new Map<string, Feed>();

  /** From now on they are given out; what is returned ends it. */
  give(firewall: string, feed: Feed): () => void {
    this.#feeds.set(firewall, feed);
    return () => {
      if (this.#feeds.get(firewall) === feed) this.#feeds.delete(firewall);
    };
  }

  of(firewall: string): Feed | undefined {
    return this.#feeds.get(firewall);
  }
}
