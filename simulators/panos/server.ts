import type { IncomingMessage, ServerResponse } from 'node:http';
import { ownCertificate, type OwnCertificate } from '../frame/certificate.ts';
import { type ListenAt, Listener, readBody } from '../frame/listener.ts';
import { type Answer, codes, refuse, Refusal, turnAway, write } from './answer.ts';
import type { Device, Served } from './device.ts';

export interface ListenOptions {
  /** Default: any port of 127.0.0.1. */
  readonly listen?: ListenAt;
  /** Plain HTTP, on loopback alone. */
  readonly plain?: boolean;
  /** Default: one of its own making, for `localhost` and the addresses of loopback. */
  readonly certificate?: OwnCertificate;
  /** One line for each request; secrets are left out. */
  readonly say?: (line: string) => void;
}

/** What a request may be at most (reference 1.1). */
const LONGEST_BODY = 5 * 1024 * 1024;
const LONGEST_USER_ID_GET = 2048;

/** The management interface of one device: the way from a connection to an answer, with everything that can go wrong on it. */
export class Front implements AsyncDisposable {
  readonly #device: Device;
  readonly #listener: Listener;
  readonly #say: (line: string) => void;
  readonly #waiting = new Set<() => void>();
  /** Closing and opening, one after the other. */
  #turn: Promise<void> = Promise.resolve();

  static async open(device: Device, options: ListenOptions): Promise<Front> {
    const front = new Front(device, options);
    await front.#listener.open();
    return front;
  }

  private constructor(device: Device, { listen, plain, certificate, say }: ListenOptions) {
    this.#device = device;
    this.#say = say ?? (() => undefined);
    const shown = plain === true ? undefined : (certificate ?? firstCertificate(device.serial));
    this.#listener = new Listener(listen ?? { host: '127.0.0.1', port: 0 }, shown, (request, response) =>
      this.#serve(request, response),
    );
  }

  /** `https://127.0.0.1:8443`, without a path. */
  get url(): string {
    return this.#listener.url;
  }

  /** What it shows; plain HTTP shows none. */
  get certificate(): OwnCertificate | undefined {
    return this.#listener.certificate;
  }

  /** Another certificate from the next handshake on. */
  present(certificate: OwnCertificate): void {
    this.#listener.present(certificate);
  }

  /** Nobody gets a connection, and those there are end, until `up`. */
  down(): void {
    this.#turn = this.#turn.then(() => this.#listener.close());
  }

  up(): void {
    this.#turn = this.#turn.then(() => this.#listener.open());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const wake of this.#waiting) wake();
    this.down();
    await this.#turn;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://device');
    const body = (await readBody(request, LONGEST_BODY))?.toString('utf8');
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
    if (fault?.kind === 'held' && fault.before === true) await fault.until;
    // Who gave up meanwhile has not been heard; a device that is down hears nobody.
    if (request.socket.destroyed) return;
    let answer = refused ?? this.#answer(request, parameters, fault?.kind === 'refused' ? fault : undefined);
    if (fault?.kind === 'twice') answer = this.#answer(request, parameters, undefined);
    if (fault?.kind === 'held') await fault.until;
    this.#device.served.push(servedAs(parameters, answer));
    this.#say(spoken(parameters, answer));
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

const YEAR_MS = 365 * 86_400_000;

function firstCertificate(commonName: string): OwnCertificate {
  const now = Date.now();
  return ownCertificate({
    commonName,
    names: ['localhost', '127.0.0.1', '::1'],
    from: now - 86_400_000,
    to: now + 10 * YEAR_MS,
  });
}

const secret = new Set(['key', 'user', 'password']);

const servedAs = (parameters: ReadonlyMap<string, string>, { status, code }: Answer): Served => ({
  parameters: Object.fromEntries([...parameters].filter(([name]) => !secret.has(name))),
  status,
  code,
});

/** What a request was, without anything secret. */
function spoken(parameters: ReadonlyMap<string, string>, { status, code }: Answer): string {
  const words = ['type', 'action', 'xpath', 'cmd', 'target', 'vsys'].flatMap((name) => {
    const value = parameters.get(name);
    return value === undefined ? [] : [`${name}=${value.length > 200 ? `${value.slice(0, 200)}…` : value}`];
  });
  return `${words.join(' ')} -> ${status}${code === undefined ? '' : ` ${code}`}`;
}
