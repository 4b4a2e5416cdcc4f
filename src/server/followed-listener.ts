import { once } from 'node:events';
import type { Server } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import type { ListenAddress } from './listening.ts';

/** A server whose address, and how it serves there, may change while it serves. */
export class FollowedListener<Wish extends ListenAddress> {
  readonly #open: (wish: Wish) => Promise<Server>;
  #now: { readonly wish: Wish; readonly server: Server } | undefined;

  /** `open` resolves once it listens, and rejects where it cannot. */
  constructor(open: (wish: Wish) => Promise<Server>) {
    this.#open = open;
  }

  /**
   * Serves as wished from now on; `undefined`: nowhere. The new server listens before the old one ends, but where the old one has what the new one
   * needs. Rejects where the new one cannot listen; the old one then serves on.
   */
  async follow(wish: Wish | undefined): Promise<void> {
    const before = this.#now;
    if (isDeepStrictEqual(before?.wish, wish)) return;
    if (wish === undefined) return this.close();
    try {
      this.#now = { wish, server: await this.#open(wish) };
    } catch (thrown) {
      if (before?.wish.port !== wish.port || !isTaken(thrown)) throw thrown;
      // Most likely by the old one: the same address with other files, or a wider address.
      await this.close();
      try {
        this.#now = { wish, server: await this.#open(wish) };
      } catch (again) {
        this.#now = { wish: before.wish, server: await this.#open(before.wish) };
        throw again;
      }
      return;
    }
    if (before !== undefined) await ended(before.server);
  }

  async close(): Promise<void> {
    const { server } = this.#now ?? {};
    this.#now = undefined;
    if (server !== undefined) await ended(server);
  }
}

function isTaken(thrown: unknown): boolean {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
}

async function ended(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
