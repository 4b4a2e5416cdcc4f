import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type Server as SecureServer, createServer as createSecureServer } from 'node:https';
import { isLoopback } from '../../src/base/loopback.ts';
import type { OwnCertificate } from './certificate.ts';
import { SteadyPort } from './steady-port.ts';

export interface ListenAt {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Connections that nobody uses stay much longer than clients keep them: if both wait about as long, a request on a busy machine meets a
 * connection that is just being closed, and is lost for no reason of the device.
 */
const LINGERING = { keepAliveTimeout: 60_000 };

/** The socket of a simulated device. */
export class Listener {
  readonly #at: ListenAt;
  readonly #handle: Handle;
  readonly #place: SteadyPort<Server | SecureServer>;
  #certificate: OwnCertificate | undefined;

  /** Without a certificate it speaks plain HTTP, and then on loopback only. */
  constructor(at: ListenAt, certificate: OwnCertificate | undefined, handle: Handle) {
    if (certificate === undefined && !isLoopback(at.host))
      throw new Error(`plain HTTP is for loopback; ${at.host} is reached by others`);
    this.#at = at;
    this.#place = new SteadyPort(at.host, at.port);
    this.#certificate = certificate;
    this.#handle = handle;
  }

  get url(): string {
    const host = this.#at.host.includes(':') ? `[${this.#at.host}]` : this.#at.host;
    return `${this.#certificate === undefined ? 'http' : 'https'}://${host}:${this.#place.port}`;
  }

  get certificate(): OwnCertificate | undefined {
    return this.#certificate;
  }

  open(): Promise<void> {
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch((error: unknown) => {
        response.destroy();
        // A client that goes away before it has said everything is no failure of the device.
        if (!request.complete) return;
        throw error;
      });
    };
    return this.#place.open(() =>
      this.#certificate === undefined
        ? createServer(LINGERING, handle)
        : createSecureServer({ ...LINGERING, key: this.#certificate.key, cert: this.#certificate.certificate }, handle),
    );
  }

  /** Ends every connection, answered or not. */
  close(): Promise<void> {
    return this.#place.close();
  }

  /** New connections are shown this one. */
  present(certificate: OwnCertificate): void {
    if (this.#certificate === undefined) throw new Error('plain HTTP has no certificate');
    this.#certificate = certificate;
    const { server } = this.#place;
    if (server !== undefined && 'setSecureContext' in server)
      server.setSecureContext({ key: certificate.key, cert: certificate.certificate });
  }
}

/** The whole body, or `undefined` once it is longer than `limit` bytes. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length <= limit) parts.push(part);
  }
  return length > limit ? undefined : Buffer.concat(parts);
}
