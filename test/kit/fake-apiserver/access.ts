import type { IncomingHttpHeaders } from 'node:http';
import type { User } from './call.ts';
import { unauthorized } from './status.ts';

const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
/** Who everybody is as long as nobody was given a credential. */
const everybody: User = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

/** Credentials: who is who. Without any everybody is admin. */
export class Access {
  readonly #tokens = new Map<string, User>();
  #asks = false;

  /** From now on this token is that user, and a request without a credential is nobody. */
  setToken(token: string, user: { readonly name: string; readonly groups?: readonly string[] }): void {
    this.#asks = true;
    this.#tokens.set(token, { ...user, groups: [...(user.groups ?? []), 'system:authenticated'] });
  }

  /** Expired, or rotated away: 401 from now on. */
  revokeToken(token: string): void {
    this.#tokens.delete(token);
  }

  token(token: string): User | undefined {
    return this.#tokens.get(token);
  }

  /** Who sent a request; a wrong credential is refused even where none is asked for. */
  authenticate(headers: IncomingHttpHeaders): User {
    const { authorization } = headers;
    if (authorization === undefined) return this.#asks ? anonymous : everybody;
    const token = /^Bearer (\S+)$/i.exec(authorization)?.[1] ?? '';
    const user = this.#tokens.get(token);
    if (user !== undefined) return user;
    if (!this.#asks) return everybody;
    throw unauthorized();
  }
}
