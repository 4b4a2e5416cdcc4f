import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** Where a server listens: the port stays the same through closing and opening, as an address does through a boot. */
export class SteadyPort<S extends Server | SecureServer> {
  readonly #host: string;
  #port: number;
  #server: S | undefined;

  /** `port` 0: any that is free. */
  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  get port(): number {
    return this.#port;
  }

  /** What listens now. */
  get server(): S | undefined {
    return this.#server;
  }

  /** Listens with a server that is made for it, unless one listens already. */
  async open(make: () => S): Promise<void> {
    if (this.#server !== undefined) return;
    const server = make();
    this.#server = server;
    await new Promise<void>((listening, fail) => {
      server.once('error', fail);
      server.listen(this.#port, this.#host, listening);
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Ends every connection, answered or not. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((done) => server.close(() => done()));
    server.closeAllConnections();
    await closed;
  }
}
