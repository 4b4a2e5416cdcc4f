import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type Server as SecureServer, createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { isLoopback } from '../../src/base/loopback.ts';
import type { OwnCertificate } from './certificate.ts';

export interface ListenAt {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The socket of a simulated device. The port stays the same through closing and opening, as a device's address does through a boot. */
export class Listener {
  readonly #at: ListenAt;
  readonly #handle: Handle;
  #certificate: OwnCertificate | undefined;
  #server: Server | SecureServer | undefined;
  #port: number;

  /** Without a certificate it speaks plain HTTP, and then on loopback only. */
  constructor(at: ListenAt, certificate: OwnCertificate | undefined, handle: Handle) {
    if (certificate === undefined && !isLoopback(at.host))
      throw new Error(`plain HTTP is for loopback; ${at.host} is reached by others`);
    this.#at = at;
    this.#port = at.port;
    this.#certificate = certificate;
    this.#handle = handle;
  }

  get url(): string {
    const host = this.#at.host.includes(':') ? `[${this.#at.host}]` : this.#at.host;
    return `${this.#certificate === undefined ? 'http' : 'https'}://${host}:${this.#port}`;
  }

  get certificate(): OwnCertificate | undefined {
    return this.#certificate;
  }

  async open(): Promise<void> {
    if (this.#server !== undefined) return;
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch((error: unknown) => {
        response.destroy();
        // A client that goes away before it has said everything is no failure of the device.
        if (!request.complete) return;
        throw error;
      });
    };
    const server =
      this.#certificate === undefined
        ? createServer(handle)
        : createSecureServer({ key: this.#certificate.key, cert: this.#certificate.certificate }, handle);
    this.#server = server;
    await new Promise<void>((listening, fail) => {
      server.once('error', fail);
      server.listen(this.#port, this.#at.host, listening);
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

  /** New connections are shown this one. */
  present(certificate: OwnCertificate): void {
    if (this.#certificate === undefined) throw new Error('plain HTTP has no certificate');
    this.#certificate = certificate;
    if (this.#server !== undefined && 'setSecureContext' in this.#server)
      this.#server.setSecureContext({ key: certificate.key, cert: certificate.certificate });
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
