import type { Clock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { DeviceCredentials } from '../device-credentials.ts';
import { DeviceApi, type DeviceRequest } from '../https/device-api.ts';
import type { DeviceTls } from '../https/device-tls.ts';
import { type Envelope, readEnvelope } from './envelope.ts';
import { refusalError } from './errors.ts';

/** Nothing in the vendor's documents limits requests. About as many connections as a browser opens; more would only wait in the device. */
export const CONNECTIONS = 8;
/** A device blocks a source that shows wrong tokens, or asks too often, "for a while": asking on would prolong it. In milliseconds. */
const BLOCKED_MS = 60_000;
/** A token that was good so short a while ago is shown in several requests at once. */
const GOOD_MS = 5_000;
/** How much the latest answer counts in how long they take. */
const LATEST = 0.2;
/** A token is read again after this time, and at once when it was refused. */
const TOKEN_MS = 30_000;

export interface FortiosApiOptions {
  readonly url: URL;
  readonly tls: DeviceTls;
  readonly credentials: DeviceCredentials;
  readonly vdom: string;
  readonly clock: Clock;
}

export interface Ask {
  readonly method: DeviceRequest['method'];
  /** Below `/api/v2/`: `cmdb/firewall/address`, `monitor/system/status`; keys encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Within this transaction. */
  readonly transaction?: number | undefined;
}

/** The path of a request with its parameters. */
export function targetOf(vdom: string, { path, query = {} }: Pick<Ask, 'path' | 'query'>): string {
  const parameters = Object.entries({ vdom, ...query }).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  return `/api/v2/${path}?${parameters.join('&')}`;
}

/**
 * Requests to one VDOM of one FortiGate with the token of an API administrator (vendor reference 1.1 to 1.5). Rejects with what `errors.ts`
 * makes of a refusal, and with the codes of `DeviceApi`.
 */
export class FortiosApi {
  readonly #api: DeviceApi;
  readonly #options: FortiosApiOptions;
  /** The token that was good last, and until when that is believed (monotonic). */
  #good: { readonly token: string; readonly until: number } | undefined;
  /** Ends with the request that shows a token of which that is not known. */
  #trying: Promise<void> | undefined;
  #answerMs = 0;
  #known: { readonly token: string; readonly until: number } | undefined;
  /** Until when nothing is asked (monotonic), and with which token that came; `undefined`: whichever. */
  #blocked: { readonly until: number; readonly token: string | undefined; readonly why: SallyportError } | undefined;

  constructor(options: FortiosApiOptions) {
    this.#options = options;
    this.#api = new DeviceApi({ url: options.url, tls: options.tls, connections: CONNECTIONS });
  }

  get vdom(): string {
    return this.#options.vdom;
  }

  /** How long an answer takes by now, in milliseconds. */
  get answerMs(): number {
    return this.#answerMs;
  }

  async ask(ask: Ask, signal: AbortSignal): Promise<Envelope> {
    const token = await this.#token(signal);
    this.#refuseWhileBlocked(token);
    // Three failures block the address: all that is asked at once would show a wrong token so often. Others wait for how the first one fares.
    if (this.#trying !== undefined) {
      await unlessAborted(this.#trying, signal);
      this.#refuseWhileBlocked(token);
    }
    const isGood = this.#good?.token === token && this.#options.clock.monotonic() < this.#good.until;
    if (this.#trying !== undefined || isGood) return await this.#send(ask, token, signal);
    const trying = this.#send(ask, token, signal);
    this.#trying = trying.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await trying;
    } finally {
      this.#trying = undefined;
    }
  }

  async #send(
    { method, path, query = {}, body, transaction }: Ask,
    token: string,
    signal: AbortSignal,
  ): Promise<Envelope> {
    const { vdom, url, clock } = this.#options;
    const secrets = [token];
    const begin = clock.monotonic();
    const answer = await this.#api.ask(
      {
        method,
        path: targetOf(vdom, { path, query }),
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(transaction === undefined ? {} : { 'x-transaction-id': String(transaction) }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        secrets,
      },
      signal,
    );
    this.#answerMs += (clock.monotonic() - begin - this.#answerMs) * LATEST;
    const { action } = query;
    const title = `${url.host}: ${method} ${path}${action === undefined || method === 'GET' ? '' : `?action=${action}`}`;
    const reading = readEnvelope(title, answer);
    const isGood = reading.kind === 'done' || (reading.refusal.http !== 401 && reading.refusal.http !== 429);
    this.#good = isGood ? { token, until: clock.monotonic() + GOOD_MS } : undefined;
    if (reading.kind === 'done') return reading.envelope;
    const error = refusalError(title, { method, path, body }, reading.refusal, secrets);
    const { http, retryAfter } = reading.refusal;
    if (http === 401) this.#known = undefined;
    if (http === 401 || http === 429) {
      const waitMs = Math.max(BLOCKED_MS, secondsOf(retryAfter) * 1_000);
      this.#blocked = { until: clock.monotonic() + waitMs, token: http === 401 ? token : undefined, why: error };
    }
    throw error;
  }

  /** Cuts what is under way. */
  close(): Promise<void> {
    return this.#api.close();
  }

  /** Read anew from time to time: whoever renews it tells nobody. */
  async #token(signal: AbortSignal): Promise<string> {
    const { credentials, clock } = this.#options;
    if (this.#known !== undefined && clock.monotonic() < this.#known.until) return this.#known.token;
    const token = (await credentials.read(signal)).get('token')?.trim();
    if (token !== undefined && /^[\x21-\x7e]+$/.test(token)) {
      this.#known = { token, until: clock.monotonic() + TOKEN_MS };
      return token;
    }
    throw new SallyportError(
      'DEVICE_CREDENTIALS',
      `${credentials.title}: there is no key "token" with the token of an API administrator`,
    );
  }

  /** A wrong token is not shown again and again: three of them would block this address for everybody behind it. */
  #refuseWhileBlocked(token: string): void {
    const blocked = this.#blocked;
    if (blocked === undefined) return;
    if (this.#options.clock.monotonic() >= blocked.until || (blocked.token !== undefined && blocked.token !== token)) {
      this.#blocked = undefined;
      return;
    }
    throw new SallyportError(blocked.why.code, `not asked again yet: ${blocked.why.message}`, blocked.why.details);
  }
}

/** Waits for something that never fails, as long as somebody wants it. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, failed) => {
    stop = () => failed(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function secondsOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : 0;
}
