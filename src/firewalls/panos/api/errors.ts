import type { Code } from '../../../base/catalogue.ts';
import { SallyportError } from '../../../base/error.ts';
import { tame } from '../../../base/secret-text.ts';

/**
 * What an error of PAN-OS means for us; the one place that looks at its codes and words. The numbers are those of the XML API's error codes
 * (reference 1.2). The device gives many classes in words alone: those are looked for first, each as the vendor's own public clients know them.
 */

/** So many lines of a message are for people; a batch may refuse hundreds of addresses. */
const MOST_WORDS = 5;

/** Words of a message, and what they mean. The first row that fits counts; unknown words mean what their code means. */
const WORDS: readonly (readonly [RegExp, Code])[] = [
  // 1.1 and 1.2: recognised by this prefix in every release.
  [/^Invalid credentials?\b/i, 'DEVICE_CREDENTIALS'],
  // 1.2: seen while another administrator commits; passes.
  [/^Session timed out/i, 'DEVICE_BUSY'],
  // 1.2, 1.7: one commit at a time.
  [/^Another (commit|sync|validate)[\w/ ]* is in progress/i, 'DEVICE_BUSY'],
  [/^A commit is in progress/i, 'DEVICE_BUSY'],
  [/^You cannot commit while an install is in progress/i, 'DEVICE_BUSY'],
  // 1.2: of pairs; the active one has what it was told.
  [/^Failed to synchronize running configuration with HA peer/i, 'DEVICE_BUSY'],
  // 1.7: the device was started since, and what became of its jobs has to be read.
  [/^job -?\d+ not found/i, 'DEVICE_CHANGED'],
  // 1.7: locks of others. Who holds it is in the words.
  [/^Configuration is locked by/i, 'DEVICE_EDIT_LOCK'],
  [/^Config for scope .* is currently locked/i, 'DEVICE_EDIT_LOCK'],
  [/^Commit lock is already held/i, 'DEVICE_EDIT_LOCK'],
  [/commit lock/i, 'DEVICE_EDIT_LOCK'],
  // 1.6: validation says so in these words, with code 12.
  [/can be at most \d+ characters/i, 'DEVICE_REJECTED'],
  // 1.8
  [/^Failed to register/i, 'DEVICE_REJECTED'],
];

const REFERENCED = 10;

/** Codes of the XML API (reference 1.2), where the words say nothing. */
const CODES: Readonly<Record<number, Code>> = {
  // Unknown command, bad xpath, malformed command: we said something that this release does not know.
  1: 'DEVICE_REJECTED',
  6: 'DEVICE_REJECTED',
  17: 'DEVICE_REJECTED',
  18: 'DEVICE_REJECTED',
  // Internal errors of the device: they pass, or its log tells.
  2: 'DEVICE_BUSY',
  3: 'DEVICE_BUSY',
  4: 'DEVICE_BUSY',
  5: 'DEVICE_BUSY',
  11: 'DEVICE_BUSY',
  21: 'DEVICE_BUSY',
  // What we meant is not as we read it: absent, there twice, or in use. Reading again tells.
  7: 'DEVICE_CHANGED',
  8: 'DEVICE_CHANGED',
  [REFERENCED]: 'DEVICE_CHANGED',
  13: 'DEVICE_CHANGED',
  12: 'DEVICE_REJECTED',
  14: 'DEVICE_REJECTED',
  15: 'DEVICE_REJECTED',
  16: 'DEVICE_RIGHTS',
  22: 'DEVICE_BUSY',
  400: 'DEVICE_REJECTED',
  403: 'DEVICE_RIGHTS',
};

/** An answer that says no, as an error of ours. `status`: of HTTP; `code`: of the envelope, absent where it has none. */
export function refusal(
  request: string,
  {
    status,
    code,
    messages,
  }: { readonly status: number; readonly code: number | undefined; readonly messages: readonly string[] },
  secrets: readonly string[] = [],
): SallyportError {
  const words = tame(messages.slice(0, MOST_WORDS).join(' '), secrets);
  const found = codeOf(status, code, messages);
  return new SallyportError(
    found,
    `${request}: ${words === '' ? 'no reason is given' : words}${numbered(status, code)}`,
    {
      deviceWords: messages.map((line) => tame(line, secrets)),
      ...(code === undefined ? {} : { deviceCode: code }),
    },
  );
}

/** What the device itself said in an answer that says no, line by line; nothing where an error is not its own. */
function wordsOf(thrown: unknown): readonly string[] {
  const words: unknown = thrown instanceof SallyportError ? thrown.details['deviceWords'] : undefined;
  return Array.isArray(words) ? words.map(String) : [];
}

function codeOf(status: number, code: number | undefined, messages: readonly string[]): Code {
  const whole = messages.join(' ');
  const known = WORDS.find(([words]) => words.test(whole));
  if (known !== undefined) return known[1];
  const byCode = code === undefined ? undefined : CODES[code];
  if (byCode !== undefined) return byCode;
  if (status === 401) return 'DEVICE_CREDENTIALS';
  if (status === 403) return 'DEVICE_RIGHTS';
  if (status >= 500 || status === 408 || status === 429) return 'DEVICE_BUSY';
  return 'DEVICE_REJECTED';
}

function numbered(status: number, code: number | undefined): string {
  if (code !== undefined) return ` (code ${code})`;
  return status === 200 ? '' : ` (HTTP ${status})`;
}

/** The words with which `show` says that nothing is at a path (reference 1.3); it has no code of its own. */
export function isNoSuchNode(thrown: unknown): boolean {
  return wordsOf(thrown).some((line) => /^(No such node|Object doesn't exist)/i.test(line));
}

/** Of registered addresses: each that was refused is as it was asked for, and was so before (reference 1.8). */
export function isAlready(thrown: unknown): boolean {
  const words = wordsOf(thrown);
  return (
    words.length > 0 && words.every((line) => /(already exists, ignore|does not exist, ignore unreg)\s*$/i.test(line))
  );
}

/** Names of entries that the device does not delete as something names them (reference 1.3); nothing where that is not why it refused. */
export function referencedIn(thrown: unknown): ReadonlySet<string> {
  if (!(thrown instanceof SallyportError) || thrown.details['deviceCode'] !== REFERENCED) return new Set();
  const names = wordsOf(thrown).flatMap(
    (line) => /^(.+) cannot be deleted because of references/i.exec(line.trim())?.[1] ?? [],
  );
  return new Set(names);
}

/** An address, or a tag of one, was refused for what the device holds already or takes (reference 1.8). */
export function isNotRegistered(thrown: unknown): boolean {
  return wordsOf(thrown).some((line) => /Failed to register/i.test(line));
}

/**
 * What a refusal of edits means where the candidate was read under the lock, so that nobody can have changed it since: to read it again would not
 * tell anything new.
 */
export function whereNothingChanged(thrown: unknown): unknown {
  if (!(thrown instanceof SallyportError) || thrown.code !== 'DEVICE_CHANGED' || wordsOf(thrown).length === 0)
    return thrown;
  return new SallyportError(
    'DEVICE_REJECTED',
    `${thrown.message}; nothing that is read of it has changed meanwhile`,
    thrown.details,
    thrown,
  );
}

/** A lock that we wanted and have, and one that we gave back and do not have (reference 1.7). */
export function isOwnLock(thrown: unknown): boolean {
  return wordsOf(thrown).some((line) => /^You already own a config lock for scope /i.test(line));
}

export function isNoLock(thrown: unknown): boolean {
  return wordsOf(thrown).some((line) => /^Config is not currently locked for scope /i.test(line));
}

/** An answer to a commit that has nothing to do (reference 1.7). */
export function isNothingToCommit(messages: readonly string[]): boolean {
  return messages.some((line) => /^There are no changes to commit/i.test(line));
}

/** Why a job failed. A job that was stopped because of others passes; what validation says does not. */
export function jobFailure(what: string, lines: readonly string[]): SallyportError {
  const message = lines.join(' ').trim();
  const known = WORDS.find(([words]) => lines.some((line) => words.test(line.trim())));
  return new SallyportError(
    known?.[1] ?? 'DEVICE_REJECTED',
    `${what} failed: ${tame(message, []) || 'no reason is given'}`,
  );
}
