import { readFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { createHash } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import { encodeDrop, grpcFrame } from '../../../machine/drops/drop-message.ts';
import type { Drop } from '../../../machine/drops/drop-line.ts';

export interface PushOptions {
  /** `droptailer:50051` */
  readonly server: string;
  /** Paths. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly clock: Clock;
}

/** What the server's certificate has to name, wherever it is (reference 7.2). */
const SERVER_NAME = 'droptailer';
const PATH = '/proto.Droptailer/Push';
const ANSWER_MS = 3_000;
const CONNECT_MS = 5_000;
/** How often certificates are looked at. */
const FILES_MS = 1_000;
const OK = '0';
const INVALID_ARGUMENT = '3';

/** Sends drops to the droptailer's server, over one connection with certificates of both sides. Certificates that change make a new connection. */
export class PushClient {
  readonly #options: PushOptions;
  #session: ClientHttp2Session | undefined;
  #identity = '';
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PushOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the server has taken the drop. Rejects with DROPTAILER_UNREACHABLE, which is worth another try, or DROPTAILER_REFUSED for a
   * message that the server will never take.
   */
  async push(drop: Drop, signal: AbortSignal): Promise<void> {
    const session = await this.#connected(signal);
    const status = await this.#call(session, grpcFrame(encodeDrop(drop)), signal);
    if (status === OK) return;
    if (status === INVALID_ARGUMENT)
      throw new SallyportError('DROPTAILER_REFUSED', 'the droptailer’s server does not take this message');
    throw new SallyportError('DROPTAILER_UNREACHABLE', `the droptailer’s server answered with gRPC status ${status}`);
  }

  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  async #connected(signal: AbortSignal): Promise<ClientHttp2Session> {
    const now = this.#options.clock.monotonic();
    const open = this.#session !== undefined && !this.#session.closed && !this.#session.destroyed;
    if (open && now - this.#lookedAt < FILES_MS && this.#session !== undefined) return this.#session;
    const { authority, certificate, key, server } = this.#options;
    const [ca, cert, secret] = await this.#read([authority, certificate, key]);
    const identity = createHash('sha256')
      .update(JSON.stringify([ca, cert, secret]))
      .digest('hex');
    this.#lookedAt = now;
    if (open && identity === this.#identity && this.#session !== undefined) return this.#session;
    // Calls on the old one have ended: there is one at a time.
    this.#session?.close();
    this.#identity = identity;
    this.#session = await this.#connect({ ca, cert, key: secret }, server, signal);
    return this.#session;
  }

  async #read(paths: readonly string[]): Promise<string[]> {
    try {
      return await Promise.all(paths.map((path) => readFile(path, 'utf8')));
    } catch (thrown) {
      throw new SallyportError('DROPTAILER_UNREACHABLE', `a certificate cannot be read: ${String(thrown)}`, {}, thrown);
    }
  }

  #connect(
    identity: { readonly ca: string | undefined; readonly cert: string | undefined; readonly key: string | undefined },
    server: string,
    signal: AbortSignal,
  ): Promise<ClientHttp2Session> {
    return new Promise((resolve, reject) => {
      let session: ClientHttp2Session;
      const fail = (why: string, cause?: unknown): void => {
        cancel();
        signal.removeEventListener('abort', stop);
        session?.destroy();
        reject(new SallyportError('DROPTAILER_UNREACHABLE', `${server}: ${why}`, {}, cause));
      };
      const stop = (): void => fail('stopped');
      const cancel = this.#options.clock.after(CONNECT_MS, () => fail(`no connection within ${CONNECT_MS} ms`));
      signal.addEventListener('abort', stop, { once: true });
      try {
        session = connect(`https://${server}`, {
          ...Object.fromEntries(Object.entries(identity).filter(([, value]) => value !== undefined)),
          servername: SERVER_NAME,
          minVersion: 'TLSv1.2',
          rejectUnauthorized: true,
        });
      } catch (thrown) {
        fail('the certificates cannot be used', thrown);
        return;
      }
      session.once('connect', () => {
        cancel();
        signal.removeEventListener('abort', stop);
        resolve(session);
      });
      session.on('error', (error: Error) => fail(error.message, error));
    });
  }

  #call(session: ClientHttp2Session, body: Buffer, signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: PATH,
        [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
        [constants.HTTP2_HEADER_TE]: 'trailers',
        'grpc-timeout': '3S',
      });
      let status: string | undefined;
      const note = (headers: Readonly<Record<string, unknown>>): void => {
        const found = headers['grpc-status'];
        if (typeof found === 'string') status = found;
      };
      const end = (why?: string): void => {
        cancel();
        signal.removeEventListener('abort', stop);
        if (status !== undefined) resolve(status);
        else {
          session.destroy();
          reject(new SallyportError('DROPTAILER_UNREACHABLE', why ?? 'the connection ended without an answer'));
        }
      };
      const stop = (): void => stream.close(constants.NGHTTP2_CANCEL);
      const cancel = this.#options.clock.after(ANSWER_MS, () => {
        stream.close(constants.NGHTTP2_CANCEL);
        end(`no answer within ${ANSWER_MS} ms`);
      });
      signal.addEventListener('abort', stop, { once: true });
      stream.on('response', note);
      stream.on('trailers', note);
      stream.on('data', () => undefined);
      stream.on('error', (error: Error) => end(error.message));
      stream.on('close', () => end());
      stream.end(body);
    });
  }
}
