import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { background } from '../../src/base/background.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { GivenCredentials } from '../../src/kubernetes/given-credentials.ts';
import { HttpApiClient } from '../../src/kubernetes/http-api-client.ts';

/** What was asked, as a line, and the body as it was parsed. */
export interface AskedOfSmallApi {
  readonly line: string;
  readonly contentType: string | undefined;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

type Answer = readonly [status: number, body: unknown];

/** An HTTP server whose test says what it answers, at once or later: a status and a JSON body for each request. */
export class SmallApi {
  readonly asked: AskedOfSmallApi[] = [];
  readonly client: HttpApiClient;
  readonly url: string;
  readonly #server: Server;

  static async start(answer: (asked: AskedOfSmallApi) => Answer | Promise<Answer>): Promise<SmallApi> {
    const asked: AskedOfSmallApi[] = [];
    const listener: RequestListener = (request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        const body: unknown = text === '' ? undefined : JSON.parse(text);
        const one = {
          line: `${request.method} ${request.url}`,
          contentType: request.headers['content-type'],
          authorization: request.headers.authorization,
          body,
        };
        asked.push(one);
        const reply = ([status, value]: Answer): void => {
          response.writeHead(status, { 'content-type': typeof value === 'string' ? 'text/plain' : 'application/json' });
          response.end(typeof value === 'string' ? value : JSON.stringify(value));
        };
        const answered = answer(one);
        if (answered instanceof Promise) background('a late answer', answered.then(reply), silentLog);
        else reply(answered);
      });
    };
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new SmallApi(server, asked);
  }

  private constructor(server: Server, asked: AskedOfSmallApi[]) {
    this.#server = server;
    this.asked = asked;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const url = new URL(this.url);
    this.client = new HttpApiClient({ title: 'api', url, isInsecure: false }, new GivenCredentials({}, systemClock));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A refusal as API servers write it. */
export function statusBody(code: number, reason: string, message = 'no'): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code };
}
