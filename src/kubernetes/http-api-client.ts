import { setMaxListeners } from 'node:events';
import { type SecureContextOptions, createSecureContext } from 'node:tls';
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici';
import '../base/plain-wasm.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { deadline } from '../base/deadline.ts';
import { SallyportError } from '../base/error.ts';
import { isLoopback } from '../base/loopback.ts';
import { version } from '../base/version.ts';
import { type AnswerHead, ask } from './answer.ts';
import { chunksOf, wholeBody } from './answer-body.ts';
import type { ApiClient, ApiRequest, ApiStream } from './api-client.ts';
import { type Asked, readStatus, refusal, retryAfter, type Status, unreachable } from './api-errors.ts';
import { type Credentials, expiryRemark, type Identity } from './credentials.ts';

const DEADLINE_MS = 15_000;
const SILENCE_MS = 150_000;
const LARGEST_ANSWER = 64 * 1024 * 1024;
/** A refusal longer than this is told by its status alone. */
const LARGEST_REFUSAL = 1024 * 1024;
/** Every watch holds one; whatever else is asked at once shares the rest. */
const MOST_CONNECTIONS = 128;
/** Below what load balancers allow (60 s and more), so that they do not cut a connection in the moment it is used. */
const KEEP_ALIVE_MS = 30_000;

/** Where an API server is, and how it is reached. */
export interface ApiServer {
  /** For people: the address and, where it came from a kubeconfig, the context. */
  readonly title: string;
  /** Its path, if it has one, stands in front of the path of every request. */
  readonly url: URL;
  /** The name that its certificate has to have; absent: that of the address. */
  readonly serverName?: string | undefined;
  /** Whoever answers is believed. Whoever sets it has said so to the user. */
  readonly isInsecure: boolean;
  /** A proxy in between: `http:`, `https:` or `socks5:`, with its own user and password if it needs them. */
  readonly proxy?: URL | undefined;
}

interface Answer extends AnswerHead {
  readonly asked: Asked;
}

/** `ApiClient` over HTTP/1.1, with TLS by the credentials' authorities. An aborted signal rejects with the signal's reason. */
export class HttpApiClient implements ApiClient {
  readonly title: string;
  readonly #server: ApiServer;
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  #connections: { readonly identity: Identity; readonly dispatcher: Dispatcher } | undefined;
  /** Of identities that were; watches that began with them go on. */
  readonly #retired = new Set<Dispatcher>();
  /** Over loopback, unpacking takes longer than the bytes that it saves. */
  readonly #accepted: 'gzip' | 'identity';
  #isClosed = false;
  #clocks: ApiClient['clocks'];

  constructor(server: ApiServer, credentials: Credentials, clock: Clock = systemClock) {
    this.title = server.title;
    this.#server = server;
    this.#credentials = credentials;
    this.#clock = clock;
    this.#accepted = server.proxy === undefined && isLoopback(hostOf(server.url)) ? 'identity' : 'gzip';
  }

  get clocks(): ApiClient['clocks'] {
    return this.#clocks;
  }

  async call(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    allowManyListeners(signal);
    using limit = deadline(signal, request.deadlineMs ?? DEADLINE_MS, 'API_UNREACHABLE');
    const asked = this.#asked(request);
    try {
      const answer = await this.#send(request, limit.signal);
      const body = await wholeBody(this.#chunks(answer, limit.signal, undefined), answer.asked, LARGEST_ANSWER);
      const type = mediaType(answer.headers);
      const value = type === 'application/json' ? parseJson(body) : undefined;
      if (value === undefined)
        throw new SallyportError('API_FAILED', `${asked.title}: the answer is no JSON (${type || 'no content type'})`, {
          status: answer.status,
        });
      return value;
    } catch (thrown) {
      throw ended(thrown, signal, limit.signal, asked);
    }
  }

  async open(request: ApiRequest, signal: AbortSignal, silenceMs = SILENCE_MS): Promise<ApiStream> {
    allowManyListeners(signal);
    using limit = deadline(signal, request.deadlineMs ?? DEADLINE_MS, 'API_UNREACHABLE');
    try {
      const answer = await this.#send(request, limit.signal);
      return { contentType: mediaType(answer.headers), chunks: this.#chunks(answer, signal, silenceMs) };
    } catch (thrown) {
      throw ended(thrown, signal, limit.signal, this.#asked(request));
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#credentials.close();
    const open = [...this.#retired, ...(this.#connections === undefined ? [] : [this.#connections.dispatcher])];
    this.#retired.clear();
    this.#connections = undefined;
    await Promise.all(open.map((dispatcher) => dispatcher.destroy()));
  }

  /** What is said of a request; `identity` as soon as it is known. */
  #asked({ method, path }: ApiRequest, identity?: Identity): Asked {
    return {
      title: `${this.title}: ${method} ${path}`,
      secrets: identity?.secrets ?? [],
      remark: identity && (() => expiryRemark(identity, this.#clock.wall())),
    };
  }

  /** The answer, if it is a yes. A 401 is answered once with what the credentials say now. */
  async #send(request: ApiRequest, signal: AbortSignal): Promise<Answer> {
    const identity = await this.#credentials.current(signal);
    const first = await this.#ask(request, identity, signal);
    if (first.status !== 401) return await this.#accept(first, signal);
    const renewed = await this.#credentials.renew(identity, signal);
    first.body.destroy(new Error('not read'));
    return await this.#accept(await this.#ask(request, renewed, signal), signal);
  }

  async #ask(request: ApiRequest, identity: Identity, signal: AbortSignal): Promise<Answer> {
    const asked = this.#asked(request, identity);
    const { url } = this.#server;
    const query = new URLSearchParams(request.query).toString();
    try {
      const head = await ask(
        this.#dispatcher(identity),
        {
          origin: url.origin,
          path: prefix(url) + request.path + (query && `?${query}`),
          method: request.method,
          headersTimeout: 0,
          bodyTimeout: 0,
          headers: {
            ...identity.headers,
            accept: request.accept ?? 'application/json',
            'accept-encoding': this.#accepted,
            'user-agent': `sallyport/${version}`,
            ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
          },
          ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        },
        signal,
      );
      const theirs = timeOf(head.headers);
      if (theirs !== undefined) this.#clocks = { theirs, ours: this.#clock.wall() };
      return { ...head, asked };
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      throw unreachable(asked, thrown);
    }
  }

  /** Connections that show this identity; when it changes, those before end with what runs over them. */
  #dispatcher(identity: Identity): Dispatcher {
    if (this.#isClosed) throw new SallyportError('API_UNREACHABLE', `${this.title}: this client is closed`);
    if (this.#connections !== undefined && looksAlike(this.#connections.identity, identity))
      return this.#connections.dispatcher;
    const before = this.#connections?.dispatcher;
    if (before !== undefined) {
      this.#retired.add(before);
      const forget = (): boolean => this.#retired.delete(before);
      before.close().then(forget, forget);
    }
    this.#connections = { identity, dispatcher: connect(this.#server, identity) };
    return this.#connections.dispatcher;
  }

  async #accept(answer: Answer, signal: AbortSignal): Promise<Answer> {
    const { status, headers, asked } = answer;
    if (status >= 200 && status < 300) return answer;
    const text = await this.#refusalText(answer, signal);
    const type = mediaType(headers);
    const value = type === 'application/json' ? readStatus(parseJson(text)) : undefined;
    if (status >= 300 && status < 400)
      throw refusal(asked, status, { message: 'a redirect, which is not followed' }, { code: 'API_FAILED' });
    // What is not there counts as not there, so only an API server may say it: in a Status, or as the plain text of an unknown path.
    if (status === 404 && value === undefined && type !== 'text/plain')
      throw refusal(asked, status, { message: 'not the answer of an API server' }, { code: 'API_FAILED' });
    const said: Status | undefined =
      value ?? (type === 'text/plain' ? { message: text.toString('utf8').trim() } : undefined);
    const now = timeOf(headers) ?? this.#clock.wall();
    throw refusal(asked, status, said, { retryAfterMs: retryAfter(one(headers['retry-after']), now) });
  }

  async #refusalText(answer: Answer, signal: AbortSignal): Promise<Buffer> {
    try {
      return await wholeBody(this.#chunks(answer, signal, undefined), answer.asked, LARGEST_REFUSAL);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      return Buffer.alloc(0); // the status says enough
    }
  }

  #chunks(
    { body, headers, asked }: Answer,
    signal: AbortSignal,
    silenceMs: number | undefined,
  ): AsyncIterable<Uint8Array> {
    const isGzip = one(headers['content-encoding'])?.toLowerCase() === 'gzip';
    return chunksOf(body, { asked, isGzip, clock: this.#clock, signal, silenceMs });
  }
}

/** One signal stops all watches of a process, and Node takes more than ten listeners for a leak. */
function allowManyListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}

/** Whatever ended a request: the caller's reason, our deadline, or the failure itself. */
function ended(thrown: unknown, caller: AbortSignal, limit: AbortSignal, asked: Asked): unknown {
  if (caller.aborted) return caller.reason;
  if (limit.aborted && limit.reason instanceof Error) return unreachable(asked, new Error(limit.reason.message));
  return thrown;
}

/** Connections differ by what the handshake shows and believes; headers travel with each request. */
function looksAlike(a: Identity, b: Identity): boolean {
  return (
    a === b ||
    (a.authorities === b.authorities &&
      a.clientCertificate?.certificate === b.clientCertificate?.certificate &&
      a.clientCertificate?.key === b.clientCertificate?.key)
  );
}

function connect(server: ApiServer, identity: Identity): Dispatcher {
  const tls = {
    // Said in either case: the environment (NODE_TLS_REJECT_UNAUTHORIZED) shall not decide it.
    rejectUnauthorized: !server.isInsecure,
    ...(identity.authorities === undefined ? {} : { ca: identity.authorities }),
    ...(identity.clientCertificate === undefined
      ? {}
      : { cert: identity.clientCertificate.certificate, key: identity.clientCertificate.key }),
    ...(server.serverName === undefined ? {} : { servername: server.serverName }),
  };
  const limits = {
    connections: MOST_CONNECTIONS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    pipelining: 1,
  };
  if (server.proxy === undefined) return new Agent({ ...limits, connect: sharing(tls) });
  return new ProxyAgent({ ...limits, uri: server.proxy.href, requestTls: tls });
}

interface Trust extends SecureContextOptions {
  readonly rejectUnauthorized: boolean;
  readonly servername?: string;
}

/**
 * Connects with one context of TLS for all connections: to read the authorities takes longer than the rest of a handshake. It is made by the first connection,
 * which fails where they cannot be read.
 */
function sharing(tls: Trust): buildConnector.connector {
  let connector: buildConnector.connector | undefined;
  return (options, done) => {
    connector ??= buildConnector({ ...tls, secureContext: createSecureContext(tls) });
    connector(options, done);
  };
}

/** Without the brackets of an IPv6 address. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** The server's own path without its last slash. */
function prefix(url: URL): string {
  return url.pathname.replace(/\/$/, '');
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Milliseconds since the epoch by the clock of whoever answered; `undefined`: it does not say. */
function timeOf(headers: Answer['headers']): number | undefined {
  const time = Date.parse(one(headers['date']) ?? '');
  return Number.isNaN(time) ? undefined : time;
}

function mediaType(headers: Answer['headers']): string {
  return one(headers['content-type'])?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
