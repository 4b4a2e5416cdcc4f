import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type Server as SecureServer, createServer as createSecureServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import { SteadyPort } from '../../../simulators/frame/steady-port.ts';
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

/** The port. */
export class Listener implements Listening {
  readonly #tls: TlsOptions | undefined;
  readonly #handle: Handle;
  readonly #place = new SteadyPort<Server | SecureServer>('127.0.0.1', 0);
  #own: Pick<TlsOptions, 'key' | 'certificate'> | undefined;

  constructor(tls: TlsOptions | undefined, handle: Handle) {
    this.#tls = tls;
    this.#own = tls;
    this.#handle = handle;
  }

  get url(): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#place.port}`;
  }

  open(): Promise<void> {
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch((error: unknown) => {
        response.destroy();
        throw error;
      });
    };
    return this.#place.open(() =>
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
          ),
    );
  }

  close(): Promise<void> {
    return this.#place.close();
  }

  setCertificate(own: Pick<TlsOptions, 'key' | 'certificate'>): void {
    this.#own = own;
    const { server } = this.#place;
    if (server !== undefined && 'setSecureContext' in server)
      server.setSecureContext({
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
