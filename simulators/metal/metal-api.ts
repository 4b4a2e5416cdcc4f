import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback } from '../../src/base/loopback.ts';
import type { ListenAt } from '../frame/listener.ts';
import { answerConnect, type Grant } from './connect.ts';
import { judge, type User } from './hmac.ts';
import { change } from './hand.ts';
import { type Answer, answerRest } from './rest.ts';
import { Store } from './store.ts';

/** What may go wrong with the next requests. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly body?: string; readonly retryAfter?: number }
  /** The connection breaks before an answer. */
  | { readonly kind: 'broken' }
  /** An answer that is cut off. */
  | { readonly kind: 'half' }
  /** Nothing is answered. */
  | { readonly kind: 'silent' };

export interface MetalApiOptions {
  readonly secrets?: Partial<Readonly<Record<User, string>>>;
  /** Where requests of v1 begin: `/metal`. */
  readonly base?: string;
  /** The server's own clock; the system's if absent. */
  readonly wall?: () => number;
  /** Loopback, any port that is free, if absent. Plain HTTP, and therefore on loopback only. */
  readonly listen?: ListenAt;
  /** So long every answer takes, in milliseconds. */
  readonly latencyMs?: number;
  /** One line for each request. */
  readonly say?: (line: string) => void;
  /** Whoever asks may change machines and networks: `PUT BASE/simulate/firewall` and `…/network`. */
  readonly hasHand?: boolean;
}

/**
 * metal-api (v1, REST with HMAC) and metal-apiserver (v2, Connect) on loopback, over one store: both with `base` in front.
 * @example
 * await using api = await MetalApi.start({ secrets: { 'Metal-View': 'secret' } });
 * api.store.putFirewall({ id: 'm-1', allocation: { name: 'fw-1', hostname: 'fw-1', project: 'p', networks: [] } });
 */
export class MetalApi {
  readonly store = new Store();
  /** Tokens of v2. */
  readonly grants = new Map<string, Grant>();
  /** `METHOD path` of every request that was let in, in order. */
  readonly served: string[] = [];
  /** Salts of every request, let in or not: a client makes a new one for each. */
  readonly salts: string[] = [];
  readonly #server: Server;
  readonly #options: MetalApiOptions;
  #faults: Fault[] = [];
  #always: Fault | undefined;

  static async start(options: MetalApiOptions = {}): Promise<MetalApi> {
    const api = new MetalApi(options);
    const { host, port } = options.listen ?? { host: '127.0.0.1', port: 0 };
    if (!isLoopback(host)) throw new Error(`plain HTTP is for loopback; ${host} is reached by others`);
    await new Promise<void>((resolve, reject) => {
      api.#server.once('error', reject);
      api.#server.listen(port, host, resolve);
    });
    return api;
  }

  private constructor(options: MetalApiOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        // Nobody else waits for a slow answer.
        setTimeout(answer, options.latencyMs ?? 0);
      });
      const answer = (): void => {
        const fault = this.#always ?? this.#faults.shift();
        if (fault?.kind === 'silent') return;
        if (fault?.kind === 'broken') return void request.socket.destroy();
        if (fault?.kind === 'status') {
          const retry = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
          response.writeHead(fault.status, { 'content-type': 'text/html', ...retry }).end(fault.body ?? '<html>');
          return;
        }
        const [status, body] = this.#answer(
          request.method ?? '',
          request.url ?? '',
          request.headers,
          Buffer.concat(parts).toString(),
        );
        options.say?.(`${request.method} ${request.url} ${status}`);
        const text = JSON.stringify(body);
        const headers = { 'content-type': 'application/json', date: new Date(this.#wall).toUTCString() };
        response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) });
        if (fault?.kind !== 'half') return void response.end(text);
        response.write(text.slice(0, text.length >> 1), () => request.socket.destroy());
      };
    });
  }

  /** What a configuration names. */
  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address.includes(':') ? `[${address}]` : address}:${port}${this.#options.base ?? ''}`;
  }

  /** Of the next request that no fault was meant for before. */
  failNext(fault: Fault): void {
    this.#faults.push(fault);
  }

  /** Of every request from now on; `undefined`: no more. */
  failAll(fault: Fault | undefined): void {
    this.#always = fault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #wall(): number {
    return this.#options.wall?.() ?? Date.now();
  }

  #answer(method: string, url: string, headers: Parameters<typeof judge>[0], text: string): Answer {
    const { base = '', secrets = {} } = this.#options;
    const [path = ''] = url.split('?');
    if (!path.startsWith(base)) return [404, { statuscode: 404, message: '404: Page Not Found' }];
    const within = path.slice(base.length);
    let body: unknown;
    try {
      body = text === '' ? undefined : JSON.parse(text);
    } catch {
      body = undefined;
    }
    if (this.#options.hasHand === true && within.startsWith('/simulate/'))
      return change(this.store, method, within, body);
    if (within.startsWith('/metalstack.api.v2.')) {
      if (method !== 'POST') return [405, { code: 'unimplemented', message: 'POST only' }];
      if (headers['content-type'] !== 'application/json')
        return [415, { code: 'unknown', message: 'unsupported media type' }];
      const answer = answerConnect(this.store, within, body, {
        authorization: headers.authorization,
        grants: this.grants,
        wall: this.#wall,
      });
      if (answer[0] !== 401 && answer[0] !== 403) this.served.push(`${method} ${within}`);
      return answer;
    }
    const salt = headers['x-data-salt'];
    if (typeof salt === 'string') this.salts.push(salt);
    const judged = judge(headers, method, secrets, this.#wall);
    if ('refused' in judged) return [401, { statuscode: 401, message: judged.refused }];
    this.served.push(`${method} ${within}`);
    return answerRest(this.store, method, within, body);
  }
}
