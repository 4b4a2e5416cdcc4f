/** The smallest client of an API server, for arranging and for judging: it shares no code with ours, and hides nothing. */
import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions, request as requestHttps } from 'node:https';

/** An API server and who one is there. All PEM; at most one of `token` and `certificate`. */
export interface ApiTarget {
  /** Without a slash at its end; `http:` for servers without certificates. */
  readonly url: string;
  readonly ca?: string;
  readonly token?: string;
  readonly certificate?: { readonly certificate: string; readonly key: string };
}

export interface RawRequest {
  readonly method?: string;
  /** With its query. */
  readonly path: string;
  /** Text and bytes go as they are, everything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

/** A body as it comes. */
export interface RawStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Ends when the server ends it; breaking out of a loop over it closes the connection. */
  readonly chunks: AsyncIterable<Buffer>;
  close(): void;
}

/** One identity at one server. */
export class RawApi {
  readonly target: ApiTarget;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(target: ApiTarget) {
    this.target = target;
    const { certificate, key } = target.certificate ?? {};
    this.#agent = target.url.startsWith('https:')
      ? new HttpsAgent({ keepAlive: true, ca: target.ca, cert: certificate, key })
      : new HttpAgent({ keepAlive: true });
  }

  /** Whatever the server answers, with no judgement of the status. */
  async send(request: RawRequest): Promise<RawAnswer> {
    const stream = await this.open(request);
    const parts: Buffer[] = [];
    for await (const chunk of stream.chunks) parts.push(chunk);
    return { status: stream.status, headers: stream.headers, bytes: Buffer.concat(parts) };
  }

  /** The answer's JSON; throws with the server's words unless the status is 2xx. */
  async json<T = ApiObject>(method: string, path: string, body?: unknown, contentType?: string): Promise<T> {
    const headers = contentType === undefined ? {} : { 'content-type': contentType };
    const answer = await this.send({ method, path, body, headers });
    const text = answer.bytes.toString('utf8');
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  open({ method = 'GET', path, body, headers = {} }: RawRequest): Promise<RawStream> {
    const payload =
      body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const all: Record<string, string> = { accept: 'application/json', ...headers };
    if (payload !== undefined) {
      all['content-type'] ??= 'application/json';
      // Node says nothing of the length of a DELETE's body, and the server then takes it for the next request.
      all['content-length'] = `${Buffer.byteLength(payload)}`;
    }
    if (this.target.token !== undefined) all['authorization'] ??= `Bearer ${this.target.token}`;
    const options: RequestOptions = { method, headers: all, agent: this.#agent };
    const send = this.target.url.startsWith('https:') ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      const sent = send(`${this.target.url}${path}`, options, (response: IncomingMessage) => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          chunks: response,
          close: () => response.destroy(),
        });
      });
      sent.on('error', reject);
      sent.end(payload);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What tests read of any object. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
    readonly managedFields?: readonly ManagedFields[];
  };
  readonly [field: string]: unknown;
}

export interface ManagedFields {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
}
