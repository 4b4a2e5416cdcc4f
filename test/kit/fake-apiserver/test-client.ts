import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly bytes: Buffer;
  // Bodies are read field by field in expectations.
  readonly body: Body;
}

export interface Body {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly items?: readonly Body[];
  readonly [field: string]: unknown;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

function start(url: string, { method = 'GET', headers = {}, body }: Asked): ClientRequest {
  const sent = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const type = sent === undefined ? {} : { 'content-type': 'application/json', 'content-length': sent.length };
  const begun = request(url, { method, agent: false, headers: { ...type, ...headers } });
  begun.end(sent);
  return begun;
}

function answered(begun: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => begun.once('response', resolve).once('error', reject));
}

/** One request on a connection of its own, written with nothing but node:http. Rejects if the connection breaks. */
export async function ask(url: string, asked: Asked = {}): Promise<Answer> {
  const response = await answered(start(url, asked));
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const text = bytes.toString();
  const { statusCode: status = 0, headers } = response;
  let body: Body = {};
  try {
    body = JSON.parse(text) as Body;
  } catch {
    // Not JSON: `text` tells.
  }
  return { status, headers, text, bytes, body };
}

export interface SeenEvent {
  readonly type: string;
  readonly object: Body;
}

/** A watch that is read as far as a test wants. */
export class Watching {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly chunks: Buffer[] = [];
  /** Resolved at a clean end, rejected when the connection breaks. */
  readonly ended: Promise<void>;
  readonly #response: IncomingMessage;
  #wake: () => void = () => {};
  #over = false;

  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Watching> {
    return new Watching(await answered(start(url, { headers })));
  }

  private constructor(response: IncomingMessage) {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.ended = new Promise((resolve, reject) => {
      response.once('end', resolve).once('error', reject);
    });
    const over = (): void => {
      this.#over = true;
      this.#wake();
    };
    this.ended.then(over, over);
    response.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.#wake();
    });
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  /** Whole lines so far, parsed. */
  get events(): readonly SeenEvent[] {
    const lines = this.text.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as SeenEvent);
  }

  /** Type and name of each event, once there are so many (or the body has ended). */
  async seen(count: number): Promise<readonly string[]> {
    await this.until(() => this.events.length >= count);
    return this.events.map(({ type, object }) => {
      const name = object.metadata?.['name'];
      return typeof name === 'string' ? `${type} ${name}` : type;
    });
  }

  /** Once `done`, or the end of the body. */
  async until(done: () => boolean): Promise<void> {
    while (!done() && !this.#over) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  close(): void {
    this.#response.destroy();
  }
}
