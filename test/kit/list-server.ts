import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ownCertificate } from '../../simulators/frame/certificate.ts';
import { NOBODY } from '../../src/firewalls/feed/feed-list.ts';

const CERTIFICATE = ownCertificate({
  commonName: 'feeds',
  names: ['127.0.0.1'],
  from: 0,
  to: Date.now() + 86_400_000,
});

/** Whoever gives lists out over HTTPS to one consumer, and what can become of it. */
export class ListServer {
  readonly #server: Server;
  readonly #lists = new Map<string, readonly string[]>();
  readonly authority = CERTIFICATE.certificate;
  /** It answers nobody; it knows the consumer no more. */
  fault: 'gone' | 'refuses' | undefined;
  /** A list of nobody has no line, as below `/lists`. */
  givesEmpty = false;

  static async start(user: string, password: string): Promise<ListServer> {
    const server = new ListServer(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  private constructor(authorization: string) {
    this.#server = createServer(
      { cert: CERTIFICATE.certificate, key: CERTIFICATE.key },
      ({ url, headers, socket }, response) => {
        if (this.fault === 'gone') {
          socket.destroy();
          return;
        }
        const list = this.#lists.get(/^\/filled\/lists\/(.*)\.txt$/.exec(url ?? '')?.[1] ?? '');
        const isKnown = this.fault === undefined && headers.authorization === authorization;
        response.writeHead(isKnown ? (list === undefined ? 404 : 200) : 401);
        const lines = list?.length === 0 && !this.givesEmpty ? Object.values(NOBODY) : (list ?? []);
        response.end(isKnown ? lines.map((line) => `${line}\n`).join('') : '');
      },
    );
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}/filled/lists`;
  }

  give(list: string, members: readonly string[]): void {
    this.#lists.set(list, members);
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
