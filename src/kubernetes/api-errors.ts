import type { Code } from '../base/catalogue.ts';
import { SallyportError } from '../base/error.ts';
import { visibleLine } from '../base/visible.ts';
import { withoutSecrets } from './credentials.ts';

/** Longer messages of servers are cut: webhooks answer with pages. In characters. */
const LONGEST_MESSAGE = 1_000;

/** Whoever asks to wait longer is asked again after this all the same. */
const LONGEST_WAIT_MS = 300_000;

/** What is said of a request in its errors. */
export interface Asked {
  /** For people: server, method and path. */
  readonly title: string;
  /** What no text may hold. */
  readonly secrets: readonly string[];
  /** What of our own side may be the cause; asked only when somebody is not let in. */
  readonly remark?: (() => string) | undefined;
}

/** The `Status` of an API server, as far as it is one. */
export interface Status {
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly code?: number | undefined;
}

/** The fields of a `Status` that are read; `undefined` for whatever is no `Status`. */
export function readStatus(value: unknown): Status | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, reason, message, code } = value as Readonly<Record<string, unknown>>;
  if (kind !== 'Status') return undefined;
  return {
    reason: typeof reason === 'string' ? reason : undefined,
    message: typeof message === 'string' ? message : undefined,
    code: typeof code === 'number' ? code : undefined,
  };
}

/**
 * What a server's refusal is to us, by its HTTP status alone: reasons are finer, and stand in `details.reason`.
 * @see https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#http-status-codes
 */
function codeOf(status: number): Code {
  switch (status) {
    case 401:
      return 'API_UNAUTHORIZED';
    case 403:
      return 'API_FORBIDDEN';
    case 404:
      return 'API_NOT_FOUND';
    case 409:
      return 'API_CONFLICT';
    case 410:
      return 'API_EXPIRED';
    case 429:
    case 503:
      return 'API_BUSY';
    case 408:
      return 'API_FAILED';
    default:
      return status >= 400 && status < 500 ? 'API_REFUSED' : 'API_FAILED';
  }
}

/** A refusal: the answer to a request, or an `ERROR` event of a watch (whose `Status` has the code). */
export function refusal(
  asked: Asked,
  httpStatus: number,
  status: Status | undefined,
  {
    retryAfterMs,
    code = codeOf(httpStatus),
  }: { readonly retryAfterMs?: number | undefined; readonly code?: Code } = {},
): SallyportError {
  const said = status?.message === undefined ? '' : `: ${tame(status.message, asked.secrets)}`;
  const reason = status?.reason === undefined ? '' : ` ${tame(status.reason, asked.secrets)}`;
  const remark = code === 'API_UNAUTHORIZED' ? (asked.remark?.() ?? '') : '';
  return new SallyportError(code, `${asked.title}: ${httpStatus}${reason}${said}${remark}`, {
    status: httpStatus,
    retryAfterMs,
    reason: status?.reason,
  });
}

/** No answer, or one that broke off. */
export function unreachable(asked: Asked, thrown: unknown): SallyportError {
  const code = codeOfThrown(thrown);
  const text = code === undefined ? undefined : words[code];
  const message = thrown instanceof Error ? tame(thrown.message, asked.secrets) : 'no answer';
  const said = text ?? (message === '' ? 'no answer' : message);
  const named = code === undefined ? '' : ` (${code})`;
  return new SallyportError('API_UNREACHABLE', `${asked.title}: ${said}${named}${asked.remark?.() ?? ''}`, {
    cause: code,
  });
}

/** The error code of Node, OpenSSL or undici. */
export function codeOfThrown(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

const foreignAuthority =
  'its certificate is not from an authority that it may come from; compare the CA that was given';

/** What codes of Node, OpenSSL and undici mean to people. */
const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be resolved now',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_DESTROYED: 'this client is closed',
  UND_ERR_CLOSED: 'this client is closed',
  CERT_HAS_EXPIRED: 'its certificate, or one above it, has expired',
  CERT_NOT_YET_VALID: 'its certificate, or one above it, is not valid yet; compare the clocks',
  SELF_SIGNED_CERT_IN_CHAIN: foreignAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: foreignAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: foreignAuthority,
  UNABLE_TO_GET_ISSUER_CERT: foreignAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: foreignAuthority,
  CERT_SIGNATURE_FAILURE: foreignAuthority,
};

/** A server's text for people: on one line, visible, cut, and without credentials that it repeats. */
export function tame(text: string, secrets: readonly string[]): string {
  // Cleaned before it is cut: half a secret would not be found.
  const clean = visibleLine(withoutSecrets(text, secrets));
  return clean.length <= LONGEST_MESSAGE ? clean : `${clean.slice(0, LONGEST_MESSAGE)}…`;
}

/** `Retry-After` in milliseconds: seconds, or a date against `now` (milliseconds since the epoch). `undefined` if it is neither. */
export function retryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const isSeconds = /^\d+$/.test(text);
  const ms = isSeconds ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(ms) || !(isSeconds || text.endsWith('GMT'))
    ? undefined
    : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}
