import type { Code } from '../base/catalogue.ts';
import { codeOfThrown, connectionWords } from '../base/connection-error.ts';
import { SallyportError } from '../base/error.ts';
import { tame } from '../base/secret-text.ts';

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
  return new SallyportError(
    'API_UNREACHABLE',
    `${asked.title}: ${connectionWords(thrown, asked.secrets)}${asked.remark?.() ?? ''}`,
    {
      cause: codeOfThrown(thrown),
    },
  );
}

/** `Retry-After` in milliseconds: seconds, or a date against `now` (milliseconds since the epoch, by the clock of whoever asks to wait). `undefined` if it is neither. */
export function retryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const isSeconds = /^\d+$/.test(text);
  const ms = isSeconds ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(ms) || !(isSeconds || text.endsWith('GMT'))
    ? undefined
    : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}
