import { randomBytes } from 'node:crypto';
import type { Clock } from '../../src/base/clock.ts';
import { maskLength, prefixRange, readAddress, readAddress4 } from './addresses.ts';
import { GLOBAL } from './configuration.ts';
import type { Device } from './device.ts';
import { code } from './fault.ts';
import { parameter, Refusal, type Request } from './request.ts';
import { namesOf, type Row, rowsOf, textOf } from './row.ts';
import type { Right } from './table.ts';

/** Who is asking, once that is known. */
export interface Account {
  readonly name: string;
  /** The access profile: an entry of `system/accprofile`. */
  readonly profile: string;
  /** Empty: all. */
  readonly vdoms: readonly string[];
}

interface Token {
  readonly user: string;
  /** Wall time in milliseconds. */
  readonly expires: number;
}

interface Session {
  readonly account: Account;
  /** What requests that change something must repeat. */
  readonly csrf: string;
  /** Wall time of the last request. */
  used: number;
}

interface Person {
  readonly password: string;
  readonly account: Account;
}

/** A session that nobody used for so long is over. */
const IDLE_MS = 5 * 60_000;

/** Tokens, people, their sessions and their failures. Sessions do not outlive a boot; tokens do. */
export class Accounts {
  readonly #device: Device;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Token>();
  readonly #people = new Map<string, Person>();
  readonly #sessions = new Map<string, Session>();
  readonly #failures = new Map<string, { count: number; blockedUntil: number }>();

  constructor(device: Device, clock: Clock) {
    this.#device = device;
    this.#clock = clock;
  }

  /** A new key for an API administrator; the one before is worth nothing then (reference 1.1). */
  mint(user: string, expires = Number.POSITIVE_INFINITY): string {
    this.revoke(user);
    const token = randomBytes(15).toString('hex');
    this.#tokens.set(token, { user, expires });
    return token;
  }

  revoke(user: string): void {
    for (const [token, one] of this.#tokens) if (one.user === user) this.#tokens.delete(token);
  }

  addPerson(name: string, password: string, profile: string): void {
    this.#people.set(name, { password, account: { name, profile, vdoms: [] } });
  }

  endSessions(): void {
    this.#sessions.clear();
    this.#failures.clear();
  }

  /** The account of a request; throws `Refusal`. */
  authenticate(request: Request): Account {
    this.#refuseBlocked(request.address);
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
    const inUrl = parameter(request, 'access_token');
    if (inUrl !== undefined && !this.#device.switches.urlToken)
      throw new Refusal(401, 'tokens in the URL are not accepted');
    const token = bearer ?? inUrl;
    if (token !== undefined) {
      const session = this.#session(token);
      if (session !== undefined) return session.account;
      return this.#byToken(token, request.address);
    }
    return this.#byCookies(request);
  }

  /** Opens a session; `undefined`: name or password are wrong, which counts against the address. */
  logIn(name: string, password: string, address: string): { readonly key: string; readonly csrf: string } | undefined {
    this.#refuseBlocked(address);
    const person = this.#people.get(name);
    if (person === undefined || person.password !== password) {
      this.#fail(address);
      return undefined;
    }
    for (const [key] of this.#sessions) this.#session(key);
    if (this.#sessions.size >= this.#device.switches.sessions)
      throw new Refusal(429, 'too many administrators are logged in');
    this.#failures.delete(address);
    const key = randomBytes(16).toString('hex');
    const csrf = randomBytes(16).toString('hex').toUpperCase();
    this.#sessions.set(key, { account: person.account, csrf, used: this.#clock.wall() });
    return { key, csrf };
  }

  logOut(request: Request): void {
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
    const key = bearer ?? sessionCookie(request);
    if (key !== undefined) this.#sessions.delete(key);
  }

  /** Whether an account's profile gives a right. */
  may(account: Account, right: Right, write: boolean): boolean {
    if (right === 'any') return true;
    const profile = this.#device.running.row(GLOBAL, 'system/accprofile', account.profile);
    if (profile === undefined) return false;
    const [group = '', part] = right.split('.');
    const whole = textOf(profile, group);
    const given =
      whole === 'custom' && part !== undefined ? textOf((profile[`${group}-permission`] ?? {}) as Row, part) : whole;
    return given === 'read-write' || (given === 'read' && !write);
  }

  #byToken(text: string, address: string): Account {
    const token = this.#tokens.get(text);
    const user = token === undefined ? undefined : this.#device.running.row(GLOBAL, 'system/api-user', token.user);
    if (token === undefined || user === undefined || token.expires <= this.#clock.wall()) {
      this.#fail(address);
      throw new Refusal(401, 'there is no such token');
    }
    const schedule = textOf(user, 'schedule');
    if (schedule === 'none') throw new Refusal(401, 'the token is not for this time');
    const hosts = rowsOf(user, 'trusthost');
    if (hosts.length > 0 && !hosts.some((host) => isTrusted(host, address)))
      throw new Refusal(this.#device.switches.trustedHostRefusal, 'the address is not trusted');
    this.#failures.delete(address);
    return { name: token.user, profile: textOf(user, 'accprofile'), vdoms: namesOf(user, 'vdom') };
  }

  #byCookies(request: Request): Account {
    const key = sessionCookie(request);
    const session = key === undefined ? undefined : this.#session(key);
    if (session === undefined) throw new Refusal(401, 'nobody is logged in');
    if (request.method !== 'GET' && request.headers.get('x-csrftoken') !== session.csrf)
      throw new Refusal(403, 'the CSRF token is missing or wrong');
    return session.account;
  }

  #session(key: string): Session | undefined {
    const session = this.#sessions.get(key);
    if (session === undefined) return undefined;
    const now = this.#clock.wall();
    if (now - session.used > IDLE_MS) {
      this.#sessions.delete(key);
      return undefined;
    }
    session.used = now;
    return session;
  }

  #refuseBlocked(address: string): void {
    const failed = this.#failures.get(address);
    if (failed === undefined || failed.count < this.#device.switches.lockout.attempts) return;
    if (this.#clock.wall() < failed.blockedUntil) throw new Refusal(429, 'too many failed logins');
    this.#failures.delete(address);
  }

  #fail(address: string): void {
    const count = (this.#failures.get(address)?.count ?? 0) + 1;
    this.#failures.set(address, { count, blockedUntil: this.#clock.wall() + this.#device.switches.lockout.ms });
  }
}

function sessionCookie(request: Request): string | undefined {
  for (const one of (request.headers.get('cookie') ?? '').split(';')) {
    const [name = '', value] = one.trim().split('=');
    if (/^session_key_\d+$/.test(name)) return value?.replaceAll('"', '');
  }
  return undefined;
}

function isTrusted(host: Row, address: string): boolean {
  const asked = readAddress(address.replace(/^::ffff:/, ''));
  if (asked === undefined) return false;
  if (textOf(host, 'type') === 'ipv6-trusthost') {
    const [text = '', length = '128'] = textOf(host, 'ipv6-trusthost').split('/');
    const base = readAddress(text);
    const range = base?.family === 6 ? prefixRange(6, base.value, Number(length)) : undefined;
    return asked.family === 6 && range !== undefined && asked.value >= range.from && asked.value <= range.to;
  }
  const [text = '', mask = ''] = textOf(host, 'ipv4-trusthost').split(/[ /]/);
  const length = /^\d+$/.test(mask) ? Number(mask) : maskLength(readAddress4(mask) ?? 0n);
  const base = readAddress4(text);
  const range = base === undefined || length === undefined ? undefined : prefixRange(4, base, length);
  return asked.family === 4 && range !== undefined && asked.value >= range.from && asked.value <= range.to;
}

/** Refuses what an account's profile does not give. */
export function demand(accounts: Accounts, account: Account, right: Right, write: boolean): void {
  if (!accounts.may(account, right, write))
    throw new Refusal(403, 'the access profile does not allow this', code.permissionDenied);
}
