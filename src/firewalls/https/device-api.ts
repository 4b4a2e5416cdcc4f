import { Agent, type Dispatcher } from 'undici';
import '../../base/plain-wasm.ts';
import { codeOfThrown, connectionWords, isCertificateCode } from '../../base/connection-error.ts';
import { SallyportError } from '../../base/error.ts';
import { tame } from '../../base/secret-text.ts';
import { version } from '../../base/version.ts';
import { type DeviceTls, deviceConnector } from './device-tls.ts';
import { type DeviceAnswer, wholeAnswer } from './whole-answer.ts';

/** Lists of 100,000 objects come in pages; an answer longer than this is none that was asked for. */
const LARGEST_ANSWER = 64 * 1024 * 1024;
/** Devices close idle sessions after a minute and more; ours go first, so that none is cut in the moment it is used. */
const KEEP_ALIVE_MS = 15_000;

export interface DeviceRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Encoded, with its query. */
  readonly path: string;
  /** Credentials among them. Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** What of this request no error may repeat. */
  readonly secrets?: readonly string[];
}

export interface DeviceApiOptions {
  /** From `parseHttpsAddress`. */
  readonly url: URL;
  readonly tls: DeviceTls;
  /** As many requests may be under way at once; vendors name limits of sessions. */
  readonly connections: number;
}

/**
 * The HTTPS API of one device: verified TLS, few connections, bounded answers, no redirects. It retries nothing: a request whose answer was
 * lost may have been carried out, and only reading back tells.
 * Rejects with `DEVICE_UNREACHABLE` (no connection, cut off), `DEVICE_CERTIFICATE` (not believed), `DEVICE_UNREADABLE` (too long), or the
 * reason of the signal.
 */
export class DeviceApi {
  readonly #url: URL;
  readonly #dispatcher: Dispatcher;

  constructor({ url, tls, connections }: DeviceApiOptions) {
    this.#url = url;
    this.#dispatcher = new Agent({
      connect: deviceConnector(tls),
      connections,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // The caller's signal is the one deadline.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async ask({ method, path, headers, body, secrets = [] }: DeviceRequest, signal: AbortSignal): Promise<DeviceAnswer> {
    const title = (): string => tame(`${this.#url.host}: ${method} ${path.split('?', 1)[0]}`, secrets);
    try {
      const request = {
        origin: this.#url.origin,
        path,
        method,
        headers: { 'user-agent': `sallyport/${version}`, ...headers },
        ...(body === undefined ? {} : { body }),
      };
      return await wholeAnswer(this.#dispatcher, request, LARGEST_ANSWER, () => tooLong(title()), signal);
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      throw failure(thrown, title(), secrets);
    }
  }

  /** Cuts what is under way. */
  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

function tooLong(title: string): SallyportError {
  return new SallyportError('DEVICE_UNREADABLE', `${title}: the answer is longer than ${LARGEST_ANSWER} bytes`);
}

function failure(thrown: unknown, title: string, secrets: readonly string[]): SallyportError {
  if (thrown instanceof SallyportError)
    return thrown.message.startsWith(title) ? thrown : new SallyportError(thrown.code, `${title}: ${thrown.message}`);
  const code = isCertificateCode(codeOfThrown(thrown)) ? 'DEVICE_CERTIFICATE' : 'DEVICE_UNREACHABLE';
  return new SallyportError(code, `${title}: ${connectionWords(thrown, secrets)}`);
}
