import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import type { Authority, Issued } from './certificates.ts';

/** Who an API server saw. */
export interface Seen {
  readonly authorization: string | undefined;
  /** Of the client's certificate, if it was from the authority. */
  readonly commonName: string | undefined;
  /** What the client called the server in the handshake. */
  readonly serverName: string | false | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** An API server with real TLS that tells whom it saw, and lets in whom its test wants. */
export class TlsApi {
  readonly seen: Seen[] = [];
  /** Whoever is not let in gets a 401. */
  lets: (seen: Seen) => boolean = () => true;
  readonly #server: Server;

  /** `demands`: without a client certificate of the authority the handshake fails. */
  static async start(
    { certificate, key }: Issued,
    clients: Authority,
    { demands = false }: { readonly demands?: boolean } = {},
  ): Promise<TlsApi> {
    const server = createServer({
      cert: certificate,
      key,
      ca: clients.certificate,
      requestCert: true,
      rejectUnauthorized: demands,
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TlsApi(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      const socket = request.socket instanceof TLSSocket ? request.socket : undefined;
      // A resumed session counts as authorized without any certificate.
      const shown: Partial<PeerCertificate> = socket?.authorized === true ? socket.getPeerCertificate() : {};
      const name = shown.subject?.CN;
      const seen = {
        authorization: request.headers.authorization,
        commonName: Array.isArray(name) ? name[0] : name,
        serverName:
          socket === undefined ? undefined : (socket as TLSSocket & { servername?: string | false }).servername,
        headers: request.headers,
      };
      this.seen.push(seen);
      const isIn = this.lets(seen);
      response.writeHead(isIn ? 200 : 401, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(isIn ? { in: true } : { kind: 'Status', reason: 'Unauthorized', message: 'Unauthorized' }),
      );
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
