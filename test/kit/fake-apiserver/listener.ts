import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type Server as SecureServer, createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { User } from './call.ts';

/** PEM texts. */
export interface TlsOptions {
  readonly key: string;
  readonly certificate: string;
  /** Clients may show certificates of this authority: the common name is the user, organisations are groups. */
  readonly clientAuthority?: string;
}

/** Who a connection's certificate says it is. */
export interface Listening {
  certified(request: IncomingMessage): User | undefined;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The port, which stays the same through closing and opening. */
export class Listener implements Listening {
  readonly #tls: TlsOptions | undefined;
  readonly #handle: Handle;
  #own: Pick<TlsOptions, 'key' | 'certificate'> | undefined;
  #server: Server | SecureServer | undefined;
  #port = 0;

  constructor(tls: TlsOptions | undefined, handle: Handle) {
    this.#tls = tls;
    this.#own = tls;
    this.#handle = handle;
  }

  get url(): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  async open(): Promise<void> {
    if (this.#server !== undefined) return;
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch((error: unknown) => {
        response.destroy();
        throw error;
      });
    };
    const server =
      this.#tls === undefined
        ? createServer(handle)
        : createSecureServer(
            {
              key: this.#own?.key,
              cert: this.#own?.certificate,
              // As the real one: any certificate is taken, and judged with the request.
              ...(this.#tls.clientAuthority === undefined
                ? {}
                : { ca: this.#tls.clientAuthority, requestCert: true, rejectUnauthorized: false }),
            },
            handle,
          );
    this.#server = server;
    await new Promise<void>((listening, fail) => {
      server.once('error', fail);
      server.listen(this.#port, '127.0.0.1', listening);
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((done) => server.close(() => done()));
    server.closeAllConnections();
    await closed;
  }

  setCertificate(own: Pick<TlsOptions, 'key' | 'certificate'>): void {
    this.#own = own;
    if (this.#server !== undefined && 'setSecureContext' in this.#server)
      this.#server.setSecureContext({
        key: own.key,
        cert: own.certificate,
        ...(this.#tls?.clientAuthority === undefined ? {} : { ca: this.#tls.clientAuthority }),
      });
  }

  /** `undefined`: none was shown, or one that is expired or of another authority. */
  certified({ socket }: IncomingMessage): User | undefined {
    if (!(socket instanceof TLSSocket) || this.#tls?.clientAuthority === undefined) return undefined;
    const { subject } = socket.getPeerCertificate();
    // A connection without a certificate shows an empty one.
    if (subject === undefined) return undefined;
    if (!socket.authorized) return undefined;
    const organisations = [subject.O ?? []].flat();
    return { name: [subject.CN].flat()[0] ?? '', groups: [...organisations, 'system:authenticated'] };
  }
}
