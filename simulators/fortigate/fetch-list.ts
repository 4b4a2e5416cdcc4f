import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { type Row, textOf } from './row.ts';

export interface Fetched {
  readonly status: number;
  readonly text: string;
}

const TIMEOUT_MS = 30_000;

/** Fetches a list as its resource says; what is beyond `limit` bytes is cut off. Rejects if nobody answers, or not as whom it should. */
export function fetchList(resource: Row, limit: number, authority: string | undefined): Promise<Fetched> {
  return new Promise((fetched, failed) => {
    const url = new URL(textOf(resource, 'resource'));
    const [user, password, agent] = ['username', 'password', 'user-agent'].map((field) => textOf(resource, field));
    const check = textOf(resource, 'server-identity-check');
    const options = {
      timeout: TIMEOUT_MS,
      agent: false as const,
      headers: { 'user-agent': agent === '' ? 'FortiGate' : agent },
      ...(user === '' ? {} : { auth: `${user}:${password}` }),
      rejectUnauthorized: check !== 'none',
      ...(authority === undefined ? {} : { ca: authority }),
      ...(check === 'basic' ? { checkServerIdentity: () => undefined } : {}),
    };
    const answered = (response: IncomingMessage): void => {
      const parts: Buffer[] = [];
      let length = 0;
      response.on('data', (part: Buffer) => {
        if (length < limit) parts.push(part.subarray(0, limit - length));
        length += part.length;
      });
      response.on('error', failed);
      response.on('aborted', () => failed(new Error('the answer was cut off')));
      response.on('end', () =>
        fetched({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
      );
    };
    const request =
      url.protocol === 'https:' ? secureRequest(url, options, answered) : plainRequest(url, options, answered);
    request.on('error', failed);
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.end();
  });
}
