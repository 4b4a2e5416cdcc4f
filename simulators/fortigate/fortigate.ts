import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type OwnCertificate, ownCertificate } from '../frame/certificate.ts';
import { type ListenAt, Listener, readBody } from '../frame/listener.ts';
import { answerCmdb } from './cmdb.ts';
import { dump } from './dump.ts';
import { CmdbFault } from './fault.ts';
import type { InterfaceGiven } from './factory.ts';
import { type Fault, Faults } from './faults.ts';
import { Hand } from './hand.ts';
import { Live, type Route, type Sent } from './live.ts';
import { load } from './load.ts';
import { answerLogin } from './login.ts';
import { type Model, modelOf } from './models.ts';
import { answerMonitor } from './monitor.ts';
import type { Flow, Passage } from './packet.ts';
import { parseRelease, type Release } from './release.ts';
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
  /** For `policy-lookup`; by default everything of the first VDOM leaves by port1. */
  readonly routes?: readonly Route[];
  /** PEM of whom the device believes when it fetches lists. */
  readonly authority?: string;
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

/** Requests that `served` keeps at most. */
const REMEMBERED = 100_000;

/** A FortiGate, as far as its API goes. */
export class FortiGate implements AsyncDisposable {
  /** Bad days. */
  readonly faults = new Faults();
  /** The last requests, in their order. */
  readonly served: Served[] = [];
  /** Of the API administrator that is there from the start. */
  readonly token: string;
  latencyMs: number;
  /** An administrator at the device. */
  readonly hand: Hand;
  readonly live: Live;
  readonly #clock: Clock;
  readonly #listener: Listener;
  /** What it showed before what it shows now. */
  #before: OwnCertificate | undefined;
  readonly #say: (line: string) => void;
  readonly #background = new Set<Promise<void>>();
  readonly #waiting = new Set<() => void>();
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
    this.live = new Live({
      model: typeof model === 'string' ? modelOf(model) : model,
      release: parseRelease(options.version ?? '7.4.8'),
      switches: { ...strict, ...options.switches },
      surroundings: { vdoms, interfaces: options.interfaces ?? ports },
      routes:
        options.routes ?? ['0.0.0.0/0', '::/0'].map((prefix) => ({ vdom: management, prefix, interface: 'port1' })),
      clock,
      revert: () => this.#inBackground(this.reboot()),
      authority: () => options.authority,
    });
    this.hand = new Hand(this.live);
    this.token = this.live.accounts.mint('api');
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

  get release(): Release {
    return this.live.device.release;
  }

  /** What is configured, as the command line writes it. */
  dump(): string {
    const { running, factory, vdoms, release } = this.live.device;
    return dump({ configuration: running, factory, vdoms, release });
  }

  /** Puts what `dump` wrote in the place of what is configured; throws an `Error` with the line that cannot be. */
  load(text: string): void {
    const { device } = this.live;
    device.replace(load(text, { factory: device.factory, vdoms: device.vdoms, rules: device.rules() }));
  }

  /** Whether a flow would pass, by which policy, translated to what. */
  wouldPass(flow: Flow): Passage {
    return this.live.passage(flow);
  }

  /** Sends a packet of a flow through it: sessions and counters follow. */
  send(flow: Flow): Sent {
    return this.live.send(flow);
  }

  /** Starts again: what is volatile is lost. Resolves once it is down; it answers again after `downMs`. */
  reboot(downMs = 0): Promise<void> {
    return this.#boot(this.release, downMs);
  }

  /** Starts with another firmware, which reads the configuration in its own dialect. */
  upgrade(version: string, downMs = 0): Promise<void> {
    return this.#boot(parseRelease(version), downMs);
  }

  /** Shows another certificate from now on: a new one, one that ended yesterday, or again the one before. */
  presentCertificate(kind: 'new' | 'expired' | 'before'): void {
    const name = new URL(this.url).hostname.replaceAll(/[[\]]/g, '');
    const before = this.#before;
    this.#before = this.#listener.certificate;
    if (kind !== 'before') this.#listener.present(this.#certificate(name, kind === 'new' ? DAY_MS * 365 : -DAY_MS / 2));
    else if (before !== undefined) this.#listener.present(before);
  }

  /** Resolves once no list is being fetched. */
  settled(): Promise<void> {
    return this.live.feeds.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forget();
    this.live.stop();
    await this.#listener.close();
    await Promise.all(this.#background);
    await this.#listener.close();
    await this.live.feeds.settled();
  }

  async #boot(release: Release, downMs: number): Promise<void> {
    this.#forget();
    await this.#listener.close();
    this.live.boot(release);
    if (downMs === 0) await this.#listener.open();
    else this.#later(downMs, () => this.#inBackground(this.#listener.open()));
  }

  #certificate(host: string, validMs: number): ReturnType<typeof ownCertificate> {
    const names = [
      'localhost',
      '127.0.0.1',
      '::1',
      ...(['0.0.0.0', '::', '127.0.0.1', '::1', 'localhost'].includes(host) ? [] : [host]),
    ];
    const now = this.#clock.wall();
    return ownCertificate({ commonName: this.live.device.model.serial, names, from: now - DAY_MS, to: now + validMs });
  }

  /** Calls back after so long, unless the device boots or ends before. */
  #later(ms: number, callback: () => void): void {
    const cancel = this.#clock.after(ms, () => {
      this.#waiting.delete(cancel);
      callback();
    });
    this.#waiting.add(cancel);
  }

  /** What waits is lost with the connection that it came by. */
  #forget(): void {
    for (const cancel of this.#waiting) cancel();
    this.#waiting.clear();
  }

  #inBackground(work: Promise<void>): void {
    const tracked = work.finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const [method, url] = [incoming.method ?? 'GET', incoming.url ?? '/'];
    const fault = this.faults.take(method, url);
    // Whoever stops waiting has sent it all the same: it is done when its time comes.
    const body = await readBody(incoming, this.live.device.switches.bodyLimit);
    const wait = this.latencyMs + (fault?.kind === 'slow' ? fault.ms : 0);
    if (wait > 0) await new Promise<void>((due) => this.#later(wait, due));
    if (fault?.kind === 'held' && fault.before === true) await fault.until;
    if (fault?.kind === 'request lost') return this.#break(incoming, method, url);
    this.#commitAtMost = fault?.kind === 'power fails in commit' ? fault.changes : undefined;
    const asked = { method, url, body, incoming };
    if (fault?.kind === 'twice') this.#answer(asked);
    const answer = this.#spoiled(fault, method, url) ?? this.#answer(asked);
    this.#commitAtMost = undefined;
    if (fault?.kind === 'held') await fault.until;
    await this.#reply(incoming, response, { method, url, answer, fault });
  }

  /** What comes back for a request that never gets to be done. */
  #spoiled(fault: Fault | undefined, method: string, url: string): Answer | undefined {
    if (fault?.kind === 'page') return { status: fault.status, body: page(fault.status) };
    if (fault?.kind !== 'database error') return undefined;
    return this.#refused(method, url, new Refusal(fault.http ?? 500, `Return code ${fault.error}`, fault.error));
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
    const line = reached && this.live.device.switches.statusLine === 'always 200' ? 200 : answer.status;
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
    const login = answerLogin(this.live.accounts, request, new URL(this.url).port);
    if (login !== undefined) return login;
    const [api, version, tree] = request.path;
    if (api !== 'api' || version !== 'v2') throw new Refusal(404, 'there is nothing here');
    const account = this.live.accounts.authenticate(request);
    const context = {
      device: this.live.device,
      accounts: this.live.accounts,
      commitAtMost: () => this.#commitAtMost,
    };
    if (tree === 'cmdb') return answerCmdb(context, account, request);
    if (tree === 'monitor') return answerMonitor(this.live, account, request);
    throw new Refusal(404, 'there is nothing here');
  }

  /** Before anybody is known, the answer is a page; after that, it is of the usual form (reference 1.3). */
  #refused(method: string, url: string, { status, message, error }: Refusal): Answer {
    if ([401, 413, 429].includes(status) || !url.startsWith('/api/v2/')) return { status, body: page(status) };
    const [path = '', name = ''] = url.split('?')[0]?.split('/').slice(4) ?? [];
    const { serial } = this.live.device.model;
    const { text, build } = this.live.device.release;
    return {
      status,
      body: {
        http_method: method,
        ...(error === undefined ? {} : { error, cli_error: message }),
        vdom: this.live.device.vdoms[0],
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
    const most = this.live.device.switches.requestsPerSecond;
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
    if (this.served.length > REMEMBERED) this.served.splice(0, REMEMBERED / 2);
    const status = served.status === 0 ? 'no answer' : String(served.status);
    this.#say(`${served.method} ${url} ${status}${served.error === undefined ? '' : ` error ${served.error}`}`);
  }
}

const page = (status: number): string =>
  `<!DOCTYPE html>\n<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>\n`;
