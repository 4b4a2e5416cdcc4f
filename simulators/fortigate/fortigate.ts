import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { ownCertificate } from '../frame/certificate.ts';
import { type ListenAt, Listener, readBody } from '../frame/listener.ts';
import { Accounts } from './accounts.ts';
import { answerCmdb } from './cmdb.ts';
import { Device } from './device.ts';
import { dump } from './dump.ts';
import { CmdbFault } from './fault.ts';
import type { InterfaceGiven } from './factory.ts';
import { type Fault, Faults } from './faults.ts';
import { answerLogin } from './login.ts';
import { type Model, modelOf } from './models.ts';
import { answerMonitor } from './monitor.ts';
import { parseRelease } from './release.ts';
import { type Answer, readUrl, Refusal, type Request } from './request.ts';
import { strict, type Switches } from './switches.ts';

export interface FortiGateOptions {
  /** `7.4.8` */
  readonly version?: string;
  /** A name of `models`, or one of your own. */
  readonly model?: string | Model;
  /** The management VDOM first. */
  readonly vdoms?: readonly string[];
  /** By default port1 to port4 in the first VDOM. */
  readonly interfaces?: readonly InterfaceGiven[];
  readonly listen?: ListenAt;
  /** HTTP without TLS. */
  readonly plain?: boolean;
  readonly latencyMs?: number;
  readonly switches?: Partial<Switches>;
  readonly clock?: Clock;
  /** One line for each request. */
  readonly say?: (line: string) => void;
}

/** One request that was answered, or not. */
export interface Served {
  readonly method: string;
  readonly url: string;
  /** 0: there was no answer. */
  readonly status: number;
  /** The code of the database in the answer. */
  readonly error?: number;
}

const DAY_MS = 86_400_000;

/** A FortiGate, as far as its API goes. */
export class FortiGate implements AsyncDisposable {
  /** Bad days. */
  readonly faults = new Faults();
  /** Every request in its order. */
  readonly served: Served[] = [];
  /** Of the API administrator that is there from the start. */
  readonly token: string;
  latencyMs: number;
  readonly device: Device;
  readonly accounts: Accounts;
  readonly #clock: Clock;
  readonly #listener: Listener;
  readonly #say: (line: string) => void;
  readonly #background = new Set<Promise<void>>();
  #recent: number[] = [];
  #commitAtMost: number | undefined;

  static async start(options: FortiGateOptions = {}): Promise<FortiGate> {
    const made = new FortiGate(options);
    await made.#listener.open();
    return made;
  }

  private constructor(options: FortiGateOptions) {
    const { model = 'vm', vdoms = ['root'], clock = systemClock, plain = false } = options;
    const [management = 'root'] = vdoms;
    this.#clock = clock;
    this.latencyMs = options.latencyMs ?? 0;
    this.#say = options.say ?? (() => undefined);
    const ports = [1, 2, 3, 4].map((n) => ({ name: `port${n}`, vdom: management }));
    this.device = new Device(
      typeof model === 'string' ? modelOf(model) : model,
      parseRelease(options.version ?? '7.4.8'),
      { ...strict, ...options.switches },
      { vdoms, interfaces: options.interfaces ?? ports },
      clock,
      { changed: () => undefined, revert: () => this.#inBackground(this.reboot()) },
    );
    this.accounts = new Accounts(this.device, clock);
    this.token = this.accounts.mint('api');
    const at = options.listen ?? { host: '127.0.0.1', port: 0 };
    const certificate = plain ? undefined : this.#certificate(at.host, DAY_MS * 365);
    this.#listener = new Listener(at, certificate, (request, response) => this.#serve(request, response));
  }

  get url(): string {
    return this.#listener.url;
  }

  /** SHA-256 of its certificate; `undefined` without TLS. */
  get fingerprint(): string | undefined {
    return this.#listener.certificate?.fingerprint;
  }

  /** PEM, for clients that trust it as an authority. */
  get certificate(): string | undefined {
    return this.#listener.certificate?.certificate;
  }

  /** What is configured, as the command line writes it. */
  dump(): string {
    const { running, factory, vdoms, release } = this.device;
    return dump({ configuration: running, factory, vdoms, release });
  }

  /** Starts again: what is volatile is lost. Resolves once it is down; it answers again after `downMs`. */
  async reboot(downMs = 0): Promise<void> {
    await this.#listener.close();
    this.accounts.endSessions();
    this.device.boot(this.device.release, () => undefined);
    if (downMs === 0) await this.#listener.open();
    else this.#clock.after(downMs, () => this.#inBackground(this.#listener.open()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.close();
    await Promise.all(this.#background);
    await this.#listener.close();
    this.device.transactions.endAll();
  }

  #certificate(host: string, validMs: number): ReturnType<typeof ownCertificate> {
    const names = [
      'localhost',
      '127.0.0.1',
      '::1',
      ...(['0.0.0.0', '::', '127.0.0.1', '::1', 'localhost'].includes(host) ? [] : [host]),
    ];
    const now = this.#clock.wall();
    return ownCertificate({ commonName: this.device.model.serial, names, from: now - DAY_MS, to: now + validMs });
  }

  #inBackground(work: Promise<void>): void {
    const tracked = work.finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const [method, url] = [incoming.method ?? 'GET', incoming.url ?? '/'];
    const fault = this.faults.take(method, url);
    const wait = this.latencyMs + (fault?.kind === 'slow' ? fault.ms : 0);
    if (wait > 0) await new Promise<void>((due) => this.#clock.after(wait, due));
    const body = await readBody(incoming, this.device.switches.bodyLimit);
    if (fault?.kind === 'request lost') return this.#break(incoming, method, url);
    this.#commitAtMost = fault?.kind === 'power fails in commit' ? fault.changes : undefined;
    const asked = { method, url, body, incoming };
    if (fault?.kind === 'twice') this.#answer(asked);
    const answer = fault?.kind === 'page' ? { status: fault.status, body: page(fault.status) } : this.#answer(asked);
    this.#commitAtMost = undefined;
    await this.#reply(incoming, response, { method, url, answer, fault });
  }

  async #reply(
    incoming: IncomingMessage,
    response: ServerResponse,
    {
      method,
      url,
      answer,
      fault,
    }: { readonly method: string; readonly url: string; readonly answer: Answer; readonly fault: Fault | undefined },
  ): Promise<void> {
    if (fault?.kind === 'boot' || fault?.kind === 'power fails in commit') {
      this.#break(incoming, method, url);
      return await this.reboot(fault.downMs);
    }
    if (fault?.kind === 'answer lost') return this.#break(incoming, method, url);
    const isText = typeof answer.body === 'string';
    const text = isText ? (answer.body as string) : JSON.stringify(answer.body);
    const error = (answer.body as { readonly error?: unknown }).error;
    this.#log({ method, url, status: answer.status, ...(typeof error === 'number' ? { error } : {}) });
    const reached = !isText && 'http_status' in (answer.body as object);
    const line = reached && this.device.switches.statusLine === 'always 200' ? 200 : answer.status;
    const bytes = Buffer.from(text);
    response.writeHead(line, {
      'content-type': isText ? 'text/html; charset=utf-8' : 'application/json',
      'content-length': bytes.length,
      ...answer.headers,
    });
    if (fault?.kind !== 'answer cut') {
      response.end(bytes);
      return;
    }
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => incoming.socket.destroy());
  }

  #answer(asked: {
    readonly method: string;
    readonly url: string;
    readonly body: Buffer | undefined;
    readonly incoming: IncomingMessage;
  }): Answer {
    const { method, url, body, incoming } = asked;
    try {
      if (body === undefined) throw new Refusal(413, 'the body is too large');
      this.#refuseTooMany();
      const headers = new Map(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
      const address = incoming.socket.remoteAddress ?? '';
      return this.#route({ method, ...readUrl(url), headers, body: body.toString('utf8'), address });
    } catch (thrown) {
      if (thrown instanceof Refusal) return this.#refused(method, url, thrown);
      if (thrown instanceof CmdbFault)
        return this.#refused(method, url, new Refusal(thrown.http, thrown.message, thrown.error));
      throw thrown;
    }
  }

  #route(request: Request): Answer {
    const login = answerLogin(this.accounts, request, new URL(this.url).port);
    if (login !== undefined) return login;
    const [api, version, tree] = request.path;
    if (api !== 'api' || version !== 'v2') throw new Refusal(404, 'there is nothing here');
    const account = this.accounts.authenticate(request);
    const context = { device: this.device, accounts: this.accounts, commitAtMost: () => this.#commitAtMost };
    if (tree === 'cmdb') return answerCmdb(context, account, request);
    if (tree === 'monitor') return answerMonitor(context, account, request);
    throw new Refusal(404, 'there is nothing here');
  }

  /** Before anybody is known, the answer is a page; after that, it is of the usual form (reference 1.3). */
  #refused(method: string, url: string, { status, message, error }: Refusal): Answer {
    if ([401, 413, 429].includes(status) || !url.startsWith('/api/v2/')) return { status, body: page(status) };
    const [path = '', name = ''] = url.split('?')[0]?.split('/').slice(4) ?? [];
    const { serial } = this.device.model;
    const { text, build } = this.device.release;
    return {
      status,
      body: {
        http_method: method,
        ...(error === undefined ? {} : { error, cli_error: message }),
        vdom: this.device.vdoms[0],
        path,
        name,
        status: 'error',
        http_status: status,
        serial,
        version: text,
        build,
      },
    };
  }

  #refuseTooMany(): void {
    const most = this.device.switches.requestsPerSecond;
    if (most === undefined) return;
    const now = this.#clock.monotonic();
    this.#recent = this.#recent.filter((at) => now - at < 1_000);
    if (this.#recent.length >= most) throw new Refusal(429, 'too many requests');
    this.#recent.push(now);
  }

  #break(incoming: IncomingMessage, method: string, url: string): void {
    this.#log({ method, url, status: 0 });
    incoming.socket.destroy();
  }

  #log(served: Served): void {
    const url = served.url.replace(/(access_token=)[^&]*/, '$1[secret]');
    this.served.push({ ...served, url });
    const status = served.status === 0 ? 'no answer' : String(served.status);
    this.#say(`${served.method} ${url} ${status}${served.error === undefined ? '' : ` error ${served.error}`}`);
  }
}

const page = (status: number): string =>
  `<!DOCTYPE html>\n<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>\n`;
