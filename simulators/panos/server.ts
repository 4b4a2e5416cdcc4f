import { createServer as createPlain, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure, Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { isLoopback } from '../../src/base/loopback.ts';
import { type Answer, codes, refuse, Refusal, turnAway, write } from './answer.ts';
import type { Device } from './device.ts';

/** PEM. */
export interface Tls {
  readonly certificate: string;
  readonly key: string;
}

export interface ListenOptions {
  readonly host?: string;
  /** 0: any that is free. */
  readonly port?: number;
  /** Absent: plain HTTP, on loopback alone. */
  readonly tls?: Tls;
}

/** What a request may be at most (reference 1.1). */
const LONGEST_BODY = 5 * 1024 * 1024;
const LONGEST_USER_ID_GET = 2048;

/** The management interface of one device: the way from a connection to an answer, with everything that can go wrong on it. */
export class Front implements AsyncDisposable {
  readonly #device: Device;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  readonly #secure: boolean;
  #down = false;

  static async listen(device: Device, { host = '127.0.0.1', port = 0, tls }: ListenOptions): Promise<Front> {
    if (tls === undefined && !isLoopback(host))
      throw new Error(`without a certificate only loopback is served, not ${host}`);
    const server = tls === undefined ? createPlain() : createSecure({ cert: tls.certificate, key: tls.key });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    return new Front(device, server, tls !== undefined);
  }

  private constructor(device: Device, server: Server, secure: boolean) {
    this.#device = device;
    this.#server = server;
    this.#secure = secure;
    server.on('connection', (socket) => {
      if (this.#down) {
        socket.destroy();
        return;
      }
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request, response) => {
      this.#serve(request, response).catch(() => request.socket.destroy());
    });
  }

  /** `https://127.0.0.1:8443`, without a path. */
  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `${this.#secure ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Another certificate from the next handshake on. */
  present({ certificate, key }: Tls): void {
    if (!(this.#server instanceof SecureServer)) throw new Error('plain HTTP has no certificate');
    this.#server.setSecureContext({ cert: certificate, key });
  }

  /** Nobody gets a connection, and those there are end, until `up`. */
  down(): void {
    this.#down = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  up(): void {
    this.#down = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const wake of this.#waiting) wake();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://device');
    const body = await read(request);
    if (url.pathname !== '/api' && url.pathname !== '/api/') {
      response.writeHead(404).end();
      return;
    }
    const parameters = new Map(url.searchParams);
    let refused: Answer | undefined;
    if (body === undefined) refused = tooLong.answer;
    else if (body !== '' && !/^application\/x-www-form-urlencoded\b/.test(request.headers['content-type'] ?? ''))
      refused = turnAway(400, 'Bad request: the body is no form').answer;
    else for (const [name, value] of new URLSearchParams(body)) parameters.set(name, value);
    if (request.method !== 'GET' && request.method !== 'POST')
      refused = turnAway(400, 'Bad request: GET or POST').answer;
    if (request.method === 'GET' && parameters.get('type') === 'user-id' && url.search.length > LONGEST_USER_ID_GET)
      refused = turnAway(400, 'Bad request: user-id messages of more than 2 KB are posted').answer;

    const fault = this.#device.faults.take(parameters);
    if (fault?.kind === 'lost before') {
      request.socket.destroy();
      return;
    }
    const wait = this.#device.faults.latencyMs + (fault?.kind === 'slow' ? fault.ms : 0);
    if (wait > 0) await this.#wait(wait);
    // Who gave up meanwhile has not been heard; a device that is down hears nobody.
    if (request.socket.destroyed) return;
    let answer = refused ?? this.#answer(request, parameters, fault?.kind === 'refused' ? fault : undefined);
    if (fault?.kind === 'twice') answer = this.#answer(request, parameters, undefined);
    if (answer.afterwards !== undefined) response.once('close', answer.afterwards);
    if (fault?.kind === 'lost after' || request.socket.destroyed) {
      request.socket.destroy();
      return;
    }
    const text = answer.body.startsWith('<config') ? answer.body : write(answer);
    const bytes = Buffer.from(text);
    response.writeHead(answer.http ?? 200, {
      'content-type': 'application/xml; charset=UTF-8',
      'content-length': bytes.length,
    });
    if (fault?.kind === 'cut off') response.write(bytes.subarray(0, bytes.length >> 1), () => request.socket.destroy());
    else response.end(bytes);
  }

  #answer(
    request: IncomingMessage,
    parameters: ReadonlyMap<string, string>,
    planned: { readonly code: number; readonly text: string } | undefined,
  ): Answer {
    try {
      const { accounts } = this.#device;
      if (parameters.get('type') === 'keygen')
        return {
          status: 'success',
          body: `<result><key>${accounts.keygen(parameters.get('user'), parameters.get('password'))}</key></result>`,
        };
      const header = request.headers['x-pan-key'];
      const key = parameters.get('key') ?? (Array.isArray(header) ? header[0] : header);
      const account = accounts.who(key, request.headers.authorization);
      if (planned !== undefined)
        throw planned.code === codes.badRequest || planned.code === codes.forbidden
          ? turnAway(planned.code, planned.text)
          : refuse(planned.code, planned.text);
      return this.#device.answer({ parameters, account, connection: request.socket });
    } catch (thrown) {
      if (thrown instanceof Refusal) return thrown.answer;
      throw thrown;
    }
  }

  async #wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#device.clock.after(ms, () => {
        this.#waiting.delete(wake);
        resolve();
      });
      const wake = (): void => {
        cancel();
        resolve();
      };
      this.#waiting.add(wake);
    });
  }
}

const tooLong = turnAway(400, 'Bad request: more than 5 MB');

/** The body as text; `undefined`: it is longer than a device takes. */
async function read(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length <= LONGEST_BODY) parts.push(part);
  }
  return length > LONGEST_BODY ? undefined : Buffer.concat(parts).toString('utf8');
}
