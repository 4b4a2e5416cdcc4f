import { Agent, request } from 'undici';
import '../../base/plain-wasm.ts';
import type { Clock } from '../../base/clock.ts';
import { deadline } from '../../base/deadline.ts';
import { SallyportError } from '../../base/error.ts';
import { tame } from '../../base/secret-text.ts';
import { version } from '../../base/version.ts';
import { withoutPassword } from '../../base/without-password.ts';

const DEADLINE_MS = 15_000;
const LARGEST_ANSWER = 16 * 1024 * 1024;
const SAID_LENGTH = 200;
/** From here on a clock is told to be wrong: signatures live for 30 s (metal-stack reference, 12.1). */
export const SKEW_MS = 10_000;

export interface MetalRequest {
  readonly method: 'GET' | 'POST';
  /** After the address that the configuration names, with its slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** What of this request no error may repeat, whoever says it. */
  readonly secrets: readonly string[];
}

/** The clock of whoever asks against the server's, in milliseconds; above 0: ours is ahead. `undefined`: the server does not say. */
export type Skew = number | undefined;

/** JSON over HTTP to one metal-api: nothing is tried twice, no redirect is followed, and no credential stands in an error. */
export class MetalHttp {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #agent = new Agent({ connections: 2, keepAliveTimeout: 30_000 });
  skew: Skew;

  constructor(url: string, clock: Clock) {
    this.#url = url.replace(/\/+$/, '');
    this.#clock = clock;
  }

  /** The answer as JSON. Throws `METAL_…`; `details.status` is the HTTP status, `details.retryAfterMs` what the server asks for. */
  async call({ method, path, headers, body, secrets }: MetalRequest, signal: AbortSignal): Promise<unknown> {
    const title = `${method} ${withoutPassword(this.#url)}${path}`;
    using limit = deadline(signal, DEADLINE_MS, 'METAL_UNREACHABLE');
    let status: number;
    let text: string;
    let said: Readonly<Record<string, string | string[] | undefined>>;
    try {
      const answer = await request(`${this.#url}${path}`, {
        method,
        dispatcher: this.#agent,
        signal: limit.signal,
        headers: {
          ...headers,
          accept: 'application/json',
          'user-agent': `sallyport/${version}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = answer.statusCode;
      said = answer.headers;
      text = await readText(answer.body);
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      if (thrown instanceof SallyportError) throw thrown;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new SallyportError('METAL_UNREACHABLE', `${title}: ${tame(reason, secrets)}`);
    }
    this.#compareClocks(one(said['date']));
    if (status >= 200 && status < 300) {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw new SallyportError('METAL_FAILED', `${title}: the answer is no JSON, or was cut off`);
      }
    }
    const seconds = Number(one(said['retry-after']));
    const details = { status, ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {}) };
    const message = `${title}: ${status}${messageOf(text, secrets)}`;
    if (status === 401 || status === 403)
      throw new SallyportError('METAL_REFUSED', `${message}${this.#skewText}`, details);
    throw new SallyportError(status === 429 || status >= 500 ? 'METAL_UNREACHABLE' : 'METAL_FAILED', message, details);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #compareClocks(date: string | undefined): void {
    const theirs = Date.parse(date ?? '');
    if (!Number.isNaN(theirs)) this.skew = this.#clock.wall() - theirs;
  }

  get #skewText(): string {
    const text = skewText(this.skew);
    return text === undefined ? '' : `; ${text}`;
  }
}

/** What is wrong with our clock; `undefined`: nothing that matters. */
export function skewText(skew: Skew): string | undefined {
  if (skew === undefined || Math.abs(skew) < SKEW_MS) return undefined;
  const seconds = Math.round(Math.abs(skew) / 1_000);
  return `the clock of this machine is ${seconds} s ${skew < 0 ? 'behind' : 'ahead of'} that of the metal-api, which takes signatures of the last 30 s; set it (NTP)`;
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > LARGEST_ANSWER)
      throw new SallyportError('METAL_FAILED', `an answer is larger than ${LARGEST_ANSWER} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** v1 says `{statuscode, message}`, v2 `{code, message}`; what is no JSON comes from something in between. */
function messageOf(text: string, secrets: readonly string[]): string {
  try {
    const value = JSON.parse(text) as { readonly message?: unknown } | null;
    if (typeof value?.message === 'string') return ` (${tame(value.message, secrets).slice(0, SAID_LENGTH)})`;
  } catch {
    // Nothing worth telling.
  }
  return '';
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
