import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { toSallyportError } from '../base/error.ts';
import { type Log, silentLog } from '../base/log.ts';
import type { ApiClient } from './api-client.ts';

/** Whoever loses a right keeps it here for so long at most. */
const REMEMBER_MS = 10_000;
const MOST_REMEMBERED = 1_000;
/** Strangers shall not make us flood the API server, nor keep those out who were let in before: each of the two has so many questions. */
const MOST_AT_ONCE = 16;
const REVIEW_MS = 5_000;
const LONGEST_TOKEN = 16_384;

/** `unavailable`: the API server did not say. Only `allowed` lets anybody in. */
export type Access = 'allowed' | 'unauthenticated' | 'forbidden' | 'unavailable';

const tokenReview = z.object({
  status: z.object({
    authenticated: z.boolean().optional(),
    user: z
      .object({
        username: z.string().optional(),
        uid: z.string().optional(),
        groups: z.array(z.string()).optional(),
        extra: z.record(z.string(), z.array(z.string())).optional(),
      })
      .optional(),
  }),
});
const accessReview = z.object({ status: z.object({ allowed: z.boolean(), denied: z.boolean().optional() }) });

/**
 * Who may read what this process serves, as the API server says: the bearer token by TokenReview, the right to `get` a path by
 * SubjectAccessReview (`nonResourceURLs` of a ClusterRole). When the API server does not answer nobody is let in.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
 */
export class ReviewedAccess {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #log: Log;
  /** What kept the server from saying, as it was told last. */
  #said = '';
  readonly #known = new Map<string, { readonly access: Access; readonly until: number }>();
  readonly #asking = new Map<string, Promise<Access>>();
  /** Of those under way, how many are about somebody who was let in when he was asked about last. */
  #acquainted = 0;

  constructor(client: ApiClient, clock: Clock, log: Log = silentLog) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  /** `authorization`: the header as it came. `path` without query. */
  async ofReader(authorization: string | undefined, path: string): Promise<Access> {
    const [, token] = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '') ?? [];
    if (token === undefined || token.length > LONGEST_TOKEN) return 'unauthenticated';
    // No token is kept here: who reads this memory shall not be able to use it.
    const key = `${createHash('sha256').update(token).digest('base64')} ${path}`;
    const known = this.#known.get(key);
    if (known !== undefined && this.#clock.monotonic() < known.until) return known.access;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return await asking;
    const isAcquainted = known?.access === 'allowed';
    const others = this.#asking.size - this.#acquainted;
    if ((isAcquainted ? this.#acquainted : others) >= MOST_AT_ONCE) return 'unavailable';
    if (isAcquainted) this.#acquainted += 1;
    const asked = this.#ask(token, path).finally(() => {
      this.#asking.delete(key);
      if (isAcquainted) this.#acquainted -= 1;
    });
    this.#asking.set(key, asked);
    const access = await asked;
    if (access !== 'unavailable') this.#remember(key, access);
    return access;
  }

  async #ask(token: string, path: string): Promise<Access> {
    try {
      const reviewed = tokenReview.parse(await this.#post('authentication.k8s.io', 'TokenReview', { token })).status;
      const { username, ...user } = reviewed.user ?? {};
      if (reviewed.authenticated !== true || username === undefined || username === '') return 'unauthenticated';
      const spec = { ...user, user: username, nonResourceAttributes: { verb: 'get', path } };
      const { allowed, denied } = accessReview.parse(
        await this.#post('authorization.k8s.io', 'SubjectAccessReview', spec),
      ).status;
      this.#said = '';
      return allowed && denied !== true ? 'allowed' : 'forbidden';
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      if (this.#said !== message) this.#log.warn({ code, error: message }, 'nobody is let in to metrics and queries');
      this.#said = message;
      return 'unavailable';
    }
  }

  async #post(group: string, kind: string, spec: object): Promise<unknown> {
    const path = `/apis/${group}/v1/${kind.toLowerCase()}s`;
    const body = { apiVersion: `${group}/v1`, kind, spec };
    // One question serves all who wait, so no one of them ends it by going away.
    const { signal } = new AbortController();
    return await this.#client.call({ method: 'POST', path, body, deadlineMs: REVIEW_MS }, signal);
  }

  #remember(key: string, access: Access): void {
    this.#known.delete(key);
    this.#known.set(key, { access, until: this.#clock.monotonic() + REMEMBER_MS });
    if (this.#known.size <= MOST_REMEMBERED) return;
    // A flood of strangers shall not make us forget who was let in.
    let [first] = this.#known.keys();
    for (const [other, one] of this.#known)
      if (one.access !== 'allowed') {
        first = other;
        break;
      }
    if (first !== undefined) this.#known.delete(first);
  }
}
