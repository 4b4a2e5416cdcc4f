import type { Code } from '../../base/catalogue.ts';
import { SallyportError } from '../../base/error.ts';
import { tame } from '../../base/secret-text.ts';
import type { Refusal } from './envelope.ts';

/** What a code of the configuration database means, and what it is for us. */
interface Meaning {
  readonly code: Code;
  readonly means: string;
}

const ADD_FAILED = -361;

/**
 * Codes of the configuration database that clients meet, from the vendor reference 1.5. What is not in here is refused for a reason that
 * we do not know (`DEVICE_REJECTED`).
 */
const CODES: ReadonlyMap<number, Meaning> = new Map([
  [-1, { code: 'DEVICE_REJECTED', means: 'a value has not the right length' }],
  [-2, { code: 'DEVICE_REJECTED', means: 'a number is out of range' }],
  // Somebody removed what was there when it was read.
  [-3, { code: 'DEVICE_CHANGED', means: 'the entry, or one that it names, is not there' }],
  [-4, { code: 'DEVICE_LIMIT', means: 'the table is full' }],
  [-5, { code: 'DEVICE_CHANGED', means: 'the entry is there already' }],
  [-7, { code: 'DEVICE_REJECTED', means: 'it does not go with the settings of the device' }],
  [-8, { code: 'DEVICE_REJECTED', means: 'an address is invalid' }],
  [-9, { code: 'DEVICE_REJECTED', means: 'a mask is invalid' }],
  [-14, { code: 'DEVICE_RIGHTS', means: 'permission denied' }],
  [-15, { code: 'DEVICE_CHANGED', means: 'the name is taken' }],
  [-23, { code: 'DEVICE_CHANGED', means: 'the entry is used by others' }],
  [-37, { code: 'DEVICE_RIGHTS', means: 'permission denied' }],
  [-50, { code: 'DEVICE_REJECTED', means: 'a value has not the right form' }],
  [-56, { code: 'DEVICE_REJECTED', means: 'a value is empty' }],
  [-61, { code: 'DEVICE_REJECTED', means: 'a value is not what is expected' }],
  [-72, { code: 'DEVICE_REJECTED', means: 'a text is too long' }],
  [-73, { code: 'DEVICE_REJECTED', means: 'a range ends before it starts' }],
  [-90, { code: 'DEVICE_REJECTED', means: 'the name of a pool is invalid' }],
  [-91, { code: 'DEVICE_REJECTED', means: 'a pool does not fit its interface' }],
  [-139, { code: 'DEVICE_REJECTED', means: 'a pool is too large' }],
  [-156, { code: 'DEVICE_REJECTED', means: 'a pool overlaps another one' }],
  [-162, { code: 'NAME_TAKEN', means: 'a service and a service group would share a name' }],
  [-163, { code: 'NAME_TAKEN', means: 'an address and an address group would share a name' }],
  [-164, { code: 'NAME_TAKEN', means: 'an address and a virtual address would share a name' }],
  [-173, { code: 'DEVICE_REJECTED', means: 'it holds characters that are refused' }],
  [-176, { code: 'DEVICE_CHANGED', means: 'the pool is used by a policy' }],
  [-177, { code: 'DEVICE_REJECTED', means: 'a policy cannot move there' }],
  [-178, { code: 'DEVICE_REJECTED', means: 'a policy cannot move there' }],
  [-254, { code: 'DEVICE_REJECTED', means: 'an IPv6 address is invalid' }],
  [-255, { code: 'DEVICE_REJECTED', means: 'an IPv6 address is invalid' }],
  [-360, { code: 'DEVICE_BUSY', means: 'the database took too long' }],
  // Asked once more, and no oftener (`isWorthOneMore`).
  [ADD_FAILED, { code: 'DEVICE_REJECTED', means: 'the database could not add it, nor when it was asked once more' }],
  [-363, { code: 'DEVICE_REJECTED', means: 'a range of ports is invalid' }],
  [-515, { code: 'DEVICE_REJECTED', means: 'the name is a reserved word there, and wants another one' }],
  [-560, { code: 'DEVICE_REJECTED', means: 'the name is a reserved word there, and wants another one' }],
  [-580, { code: 'DEVICE_LIMIT', means: 'the limit of the VDOM is reached' }],
  [-650, { code: 'DEVICE_REJECTED', means: 'a number is out of range' }],
  [-651, { code: 'DEVICE_REJECTED', means: 'a value is invalid' }],
  [-1001, { code: 'INTERNAL', means: 'the action is unknown' }],
  [-10_000, { code: 'INTERNAL', means: 'the request is faulty' }],
  [-10_001, { code: 'INTERNAL', means: 'the request lacks something' }],
  [-10_002, { code: 'INTERNAL', means: 'the request is faulty' }],
]);

/** HTTP statuses of the vendor reference 1.4, where no code of the database comes with them. */
const STATUSES: ReadonlyMap<number, Meaning> = new Map([
  [400, { code: 'DEVICE_REJECTED', means: 'the request cannot be processed' }],
  [401, { code: 'DEVICE_CREDENTIALS', means: 'the token is not valid, or not from this address' }],
  [
    403,
    {
      code: 'DEVICE_RIGHTS',
      means: 'the profile of the API administrator, its VDOMs or trusted hosts do not allow it',
    },
  ],
  [404, { code: 'DEVICE_CHANGED', means: 'there is no such entry or path' }],
  [405, { code: 'INTERNAL', means: 'the method is not allowed there' }],
  [413, { code: 'DEVICE_LIMIT', means: 'the request is larger than it takes' }],
  [424, { code: 'DEVICE_REJECTED', means: 'something that it depends on is missing, or the VDOM cannot be used' }],
  [429, { code: 'DEVICE_BUSY', means: 'the device takes no more requests from here for a while' }],
]);

/**
 * A lock of somebody else has no code that is proven, and any status of the class 403, 424 or 500 (vendor reference 1.8): the words name it. Parts of
 * names (`door-lock`) are no words.
 */
const LOCK = /(?<![\w.-])(lock(ed|s)?|workspace)(?![\w.-])/i;
const LOCKED: Meaning = { code: 'DEVICE_EDIT_LOCK', means: 'somebody else is editing it and holds a lock' };
const QUOTED = /(?<!\w)(["'`])[^\n]*?\1(?!\w)/g;
/** What leaves open whether it is a lock: all else says what is the matter, whatever is in the words beside it. */
const MAY_BE_LOCK: ReadonlySet<Code> = new Set<Code>(['DEVICE_REJECTED', 'DEVICE_RIGHTS']);

/** What was asked. Texts in it may come back among the words of a refusal, and say nothing there. */
export interface Asked {
  readonly method: string;
  /** Below `/api/v2/`. */
  readonly path: string;
  readonly body?: unknown;
}

/** The access groups of profiles, by the paths that need them (vendor reference 1.1). */
const RIGHTS: readonly (readonly [RegExp, string])[] = [
  [/^(cmdb|monitor)\/firewall[/.]/, 'fwgrp'],
  [/^(cmdb|monitor)\/system\//, 'sysgrp'],
];

/** What the profile of the account has to give for it, in words. */
function rightFor({ method, path }: Asked): string {
  const group = RIGHTS.find(([pattern]) => pattern.test(path))?.[1];
  return `the right to ${method === 'GET' ? 'read' : 'write'}${group === undefined ? '' : ` of the access group \`${group}\``}`;
}

function namesLock(words: string, asked: Asked): boolean {
  const bare = words.replace(QUOTED, ' ');
  if (!LOCK.test(bare)) return false;
  let rest = bare;
  for (const text of textsOf(asked))
    if (LOCK.test(text)) rest = rest.replace(new RegExp(`(?<![\\w.-])${escaped(text)}(?![\\w.-])`, 'g'), ' ');
  return LOCK.test(rest);
}

function escaped(text: string): string {
  return text.replace(/[^\w ]/g, '\\$&');
}

function* textsOf({ path, body }: Asked): Generator<string> {
  for (const part of path.split('/')) yield decodeURIComponent(part);
  const open: unknown[] = [body];
  for (let value = open.pop(); open.length > 0 || value !== undefined; value = open.pop())
    if (typeof value === 'string') yield value;
    else if (typeof value === 'object' && value !== null) open.push(...(Object.values(value) as unknown[]));
}

/** A refusal as an error whose code says who has to act. The one place that looks at the device's codes and words. */
export function refusalError(
  title: string,
  asked: Asked,
  refusal: Refusal,
  secrets: readonly string[],
): SallyportError {
  const { http, error, words } = refusal;
  const known = meaningOf(refusal);
  const isLock = words !== undefined && MAY_BE_LOCK.has(known.code) && namesLock(words, asked);
  const { code, means } = isLock ? LOCKED : known;
  const numbers = error === undefined ? `HTTP ${http}` : `HTTP ${http}, ${error}`;
  const right = code === 'DEVICE_RIGHTS' ? `; it takes ${rightFor(asked)}` : '';
  const said = words === undefined || words === '' ? '' : `; it says: ${words}`;
  return new SallyportError(code, tame(`${title}: ${means} (${numbers})${right}${said}`, secrets), { http, error });
}

function meaningOf({ http, error }: Refusal): Meaning {
  const byCode = error === undefined ? undefined : CODES.get(error);
  if (byCode !== undefined) return byCode;
  // A code that is not known says more than its status: 500 alone would mean "try again".
  if (error !== undefined && error !== 0 && http !== 401 && http !== 403 && http !== 429)
    return { code: 'DEVICE_REJECTED', means: 'it is refused for a reason that is not known' };
  const byStatus = STATUSES.get(http);
  if (byStatus !== undefined) return byStatus;
  return http >= 500
    ? { code: 'DEVICE_BUSY', means: 'the device failed' }
    : { code: 'DEVICE_REJECTED', means: 'it is refused' };
}

/** Refused with one of these codes of the database, or with one of these HTTP statuses and no code. */
export function isRefusedWith(thrown: unknown, ...numbers: readonly number[]): boolean {
  if (!(thrown instanceof SallyportError)) return false;
  const { http, error } = thrown.details;
  return numbers.some((number) => number === error || (error === undefined && number === http));
}

/** What reference 1.5 says to try once more, and then no more until something changes. */
export function isWorthOneMore(thrown: unknown): boolean {
  return isRefusedWith(thrown, ADD_FAILED);
}

/** Of a deletion: what was to go is not there (reference 1.5). */
export function isGone(thrown: unknown): boolean {
  return isRefusedWith(thrown, -3, 404);
}

/** Of a deletion: something uses it. */
export function isInUse(thrown: unknown): boolean {
  return isRefusedWith(thrown, -23, -176);
}

/**
 * What a failure means where the device was asked meanwhile, and is still what the change was made for: to read it again would not help against a
 * refusal of its own.
 */
export function whereNothingChanged(thrown: unknown): unknown {
  if (!(thrown instanceof SallyportError) || thrown.code !== 'DEVICE_CHANGED' || !isRefusal(thrown)) return thrown;
  return new SallyportError(
    'DEVICE_REJECTED',
    `${thrown.message}; nothing that Sallyport reads has changed meanwhile, so that something which it does not read stands in the way: look at that entry on the device`,
    thrown.details,
    thrown,
  );
}

/** A refusal by the device; not a failure to reach it, and nothing that we found by ourselves. */
export function isRefusal(thrown: unknown): thrown is SallyportError {
  return thrown instanceof SallyportError && 'http' in thrown.details;
}
