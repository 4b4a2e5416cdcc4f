import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import '../../../base/plain-wasm.ts';
import { deadline } from '../../../base/deadline.ts';
import { localFiles, SallyportError } from '../../../base/error.ts';
import { version } from '../../../base/version.ts';
import { visibleLine } from '../../../base/visible.ts';
import { withoutPassword } from '../../../base/without-password.ts';

/** How long each wait may take, in milliseconds. */
export interface FetchTimes {
  /** Until there is a connection, and between two portions. */
  readonly silence: number;
  /** A text as a whole. */
  readonly text: number;
  /** A program as a whole. */
  readonly file: number;
}

export const FETCH_TIMES: FetchTimes = { silence: 30_000, text: 60_000, file: 600_000 };
const MOST_REDIRECTS = 5;
const LARGEST_TEXT = 4_096;
const LARGEST_FILE = 512 * 1024 * 1024;

/** Fetches programs and what stands beside them over HTTP, by the proxy of the environment where it names one. Rejects with UPDATE_UNREACHABLE. */
export class Fetching {
  readonly #dispatcher: Dispatcher;
  readonly #times: FetchTimes;

  /** `ca`: more authorities than Node knows, as PEM: those of this machine. */
  constructor(
    environment: Readonly<Record<string, string | undefined>>,
    { ca, times = FETCH_TIMES }: { readonly ca?: readonly string[] | undefined; readonly times?: FetchTimes } = {},
  ) {
    this.#times = times;
    const settings: Agent.Options = {
      connect: { timeout: times.silence, ...(ca === undefined ? {} : { ca: [...ca] }) },
      headersTimeout: times.silence,
      bodyTimeout: times.silence,
      keepAliveTimeout: 1_000,
    };
    const proxies = {
      httpProxy: environment['http_proxy'] ?? environment['HTTP_PROXY'] ?? '',
      httpsProxy: environment['https_proxy'] ?? environment['HTTPS_PROXY'] ?? '',
      noProxy: environment['no_proxy'] ?? environment['NO_PROXY'] ?? '',
    };
    const hasProxy = proxies.httpProxy !== '' || proxies.httpsProxy !== '';
    this.#dispatcher = hasProxy ? new EnvHttpProxyAgent({ ...settings, ...proxies }) : new Agent(settings);
  }

  /** A short text. */
  async text(url: string, signal: AbortSignal): Promise<string> {
    const parts: Uint8Array[] = [];
    await this.#get(url, { ms: this.#times.text, most: LARGEST_TEXT, signal }, (part) => void parts.push(part));
    return Buffer.concat(parts).toString('utf8');
  }

  /** Writes a new file, on the disk when it resolves, and gives its SHA-256 in hex. Leaves nothing when it rejects. */
  async file(url: string, path: string, signal: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    try {
      const file = await localFiles(open(path, 'wx', 0o700));
      try {
        await this.#get(url, { ms: this.#times.file, most: LARGEST_FILE, signal }, async (part) => {
          hash.update(part);
          await localFiles(file.writeFile(part));
        });
        await localFiles(file.sync());
      } finally {
        await file.close();
      }
    } catch (thrown) {
      await rm(path, { force: true });
      throw thrown;
    }
    return hash.digest('hex');
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async #get(
    url: string,
    { ms, most, signal }: { readonly ms: number; readonly most: number; readonly signal: AbortSignal },
    take: (part: Uint8Array) => Promise<void> | void,
  ): Promise<void> {
    using limit = deadline(signal, ms, 'UPDATE_UNREACHABLE');
    let place = checkedUrl(url);
    try {
      for (let hop = 0; ; hop++) {
        const { statusCode, headers, body } = await request(place, {
          dispatcher: this.#dispatcher,
          signal: limit.signal,
          headers: { 'user-agent': `sallyport/${version}` },
        });
        const to = headers['location'];
        if (statusCode >= 300 && statusCode < 400 && typeof to === 'string') {
          await body.dump();
          if (hop === MOST_REDIRECTS) throw unreachable(url, `leads on more than ${MOST_REDIRECTS} times`);
          const next = checkedUrl(new URL(to, place).href);
          if (place.protocol === 'https:' && next.protocol !== 'https:')
            throw unreachable(url, `leads on to ${next.origin}, without TLS`);
          place = next;
          continue;
        }
        if (statusCode !== 200) {
          await body.dump();
          throw unreachable(url, `answered ${statusCode}`);
        }
        let size = 0;
        for await (const part of body as AsyncIterable<Uint8Array>) {
          size += part.length;
          if (size > most) throw unreachable(url, `is larger than ${most} bytes`);
          await take(part);
        }
        return;
      }
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      if (thrown instanceof SallyportError) throw thrown;
      throw unreachable(url, visibleLine(thrown instanceof Error ? thrown.message : String(thrown)));
    }
  }
}

function checkedUrl(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Said below.
  }
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw unreachable(text, 'is no address of a file; it begins with https://');
  return url;
}

/** Credentials in an address are nobody's business. */
function unreachable(url: string, what: string): SallyportError {
  const plain = visibleLine(withoutPassword(url.replace(/\?.*$/, ''))).slice(0, 300);
  return new SallyportError('UPDATE_UNREACHABLE', `${plain}: ${what}`);
}
