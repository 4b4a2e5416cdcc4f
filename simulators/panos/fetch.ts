import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';

export interface Source {
  readonly url: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** PEM of who must have signed the server's certificate; `undefined`: it is not checked. */
  readonly authority: string | undefined;
}

export type Fetched =
  | { readonly kind: 'content'; readonly text: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** Longest list that is read, in bytes. */
const LONGEST = 64 * 1024 * 1024;
const PATIENCE_MS = 30_000;

/** A list from its server: a plain GET, as the device makes it. */
export function fetchList({ url, user, password, authority }: Source, signal: AbortSignal): Promise<Fetched> {
  const secure = url.startsWith('https:');
  const options = {
    signal,
    timeout: PATIENCE_MS,
    agent: false as const,
    ...(user === undefined ? {} : { auth: `${user}:${password ?? ''}` }),
    ...(secure
      ? { rejectUnauthorized: authority !== undefined, ...(authority === undefined ? {} : { ca: authority }) }
      : {}),
  };
  return new Promise((resolve) => {
    const lost = (reason: string): void => resolve({ kind: 'unreachable', reason });
    const take = (response: IncomingMessage): void => {
      if (response.statusCode === 401 || response.statusCode === 403) {
        response.resume();
        resolve({ kind: 'refused' });
        return;
      }
      if (response.statusCode !== 200) {
        response.resume();
        lost(`HTTP ${response.statusCode}`);
        return;
      }
      const parts: Buffer[] = [];
      let length = 0;
      response.on('data', (part: Buffer) => {
        length += part.length;
        if (length > LONGEST) response.destroy(new Error('too long'));
        else parts.push(part);
      });
      // A list that ends in its middle is no list.
      response.on('end', () =>
        response.complete ? resolve({ kind: 'content', text: Buffer.concat(parts).toString('utf8') }) : lost('cut off'),
      );
      response.on('error', (error) => lost(error.message));
      response.on('aborted', () => lost('cut off'));
    };
    const request = secure ? getSecure(url, options, take) : getPlain(url, options, take);
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', (error) => lost(error.message));
  });
}
