import { createHash } from 'node:crypto';
import type { Clock } from '../../src/base/clock.ts';
import { codes, refuse, turnAway } from './answer.ts';

/** What the XML API lets a role do, by the type of the request. */
export const rights = ['config', 'op', 'commit', 'user-id', 'export', 'log'] as const;
export type Right = (typeof rights)[number];

export interface Account {
  readonly name: string;
  password: string;
  /** `superreader` reads everything and changes nothing; a list gives exactly these types of requests. */
  role: 'superuser' | 'superreader' | readonly Right[];
}

export type AccountOptions = Omit<Account, 'role'> & { readonly role?: Account['role'] };

/** Administrators, their passwords and the keys made for them. */
export class Accounts {
  readonly #clock: Clock;
  readonly #seed: string;
  readonly #accounts = new Map<string, Account>();
  readonly #keys = new Map<string, { readonly name: string; readonly password: string; readonly made: number }>();
  /** Keys so far: one that has ended is never made again. */
  #made = 0;
  /** How long a key counts, in milliseconds; `undefined`: for ever. */
  keyLifetimeMs: number | undefined;

  constructor(clock: Clock, seed: string, accounts: readonly AccountOptions[], keyLifetimeMs: number | undefined) {
    this.#clock = clock;
    this.#seed = seed;
    this.keyLifetimeMs = keyLifetimeMs;
    for (const one of accounts) this.#accounts.set(one.name, { role: 'superuser', ...one });
  }

  /** A key for `type=keygen`. Every call makes another one; all of them count. */
  keygen(user: string | undefined, password: string | undefined): string {
    const account = this.#withPassword(user, password);
    const made = `${this.#seed}/${account.name}/${account.password}/${this.#made++}`;
    // A public client sends keys without encoding them, so that they hold nothing that a form would take for something else.
    const letters = createHash('sha512').update(made).digest('base64').replaceAll(/[+/=]/g, '');
    const key = `LUFRPT1${letters.slice(0, 40)}==`;
    this.#keys.set(key, { name: account.name, password: account.password, made: this.#clock.wall() });
    return key;
  }

  #withPassword(user: string | undefined, password: string | undefined): Account {
    const account = this.#accounts.get(user ?? '');
    if (account === undefined || account.password !== password) throw turnAway(403, 'Invalid credentials.');
    return account;
  }

  /** Who asks: by key, else by HTTP Basic. */
  who(key: string | undefined, basic: string | undefined): Account {
    if (key === undefined) {
      const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(basic ?? '') ?? [];
      const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
      return this.#withPassword(user, password);
    }
    const known = this.#keys.get(key);
    const account = this.#accounts.get(known?.name ?? '');
    const age = this.#clock.wall() - (known?.made ?? 0);
    if (
      known === undefined ||
      account === undefined ||
      account.password !== known.password ||
      (this.keyLifetimeMs !== undefined && age >= this.keyLifetimeMs)
    )
      throw turnAway(403, 'Invalid credentials.');
    return account;
  }

  /** `changes`: the request would change something, which a reader may not. */
  check({ name, role }: Account, right: Right, changes: boolean): void {
    if (role === 'superuser' || (Array.isArray(role) && role.includes(right))) return;
    if (role === 'superreader' && !changes && right !== 'commit' && right !== 'user-id') return;
    throw Array.isArray(role) || right !== 'config'
      ? turnAway(403, `${name} has no right to ${right} requests`)
      : refuse(codes.unauthorized, 'Unauthorized request');
  }

  isSuperuser(name: string): boolean {
    return this.#accounts.get(name)?.role === 'superuser';
  }

  /** A new administrator, or another role or password of one there is. Keys end with their password. */
  put(account: AccountOptions): void {
    this.#accounts.set(account.name, { role: 'superuser', ...account });
  }

  remove(name: string): void {
    this.#accounts.delete(name);
  }

  /** Ends every key now. */
  expireKeys(): void {
    this.#keys.clear();
  }
}
