import { SallyportError } from '../../base/error.ts';
import type { DeviceAnswer } from '../https/whole-answer.ts';

/** What all answers of the API have in common; rows and results have forms of their own. */
export interface Envelope {
  readonly status?: string;
  readonly http_status?: number;
  /** Negative: a code of the configuration database. */
  readonly error?: number;
  readonly cli_error?: string;
  readonly revision?: string;
  /** Keys of policies are numbers here and texts there. */
  readonly mkey?: string | number | null;
  readonly results?: unknown;
  readonly version?: string;
  readonly build?: number;
  readonly serial?: string;
}

const TEXTS = ['status', 'cli_error', 'revision', 'version', 'serial'] as const;
const NUMBERS = ['http_status', 'error', 'build'] as const;

/** A refusal in the device's own terms, before anybody says whose fault it is. */
export interface Refusal {
  /** Of the body where it has one: the line above it may say 200 to everything. */
  readonly http: number;
  readonly error?: number | undefined;
  /** The words of its command line. */
  readonly words?: string | undefined;
  readonly retryAfter?: string | undefined;
}

export type Reading =
  | { readonly kind: 'done'; readonly envelope: Envelope }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/**
 * Reads an answer: done, or refused. `title`: what was asked of whom. What comes before the database (a wrong token, a proxy) may be a page. Throws `DEVICE_UNREADABLE` for
 * a success that is none.
 */
export function readEnvelope(title: string, { status, headers, body }: DeviceAnswer): Reading {
  const retryAfter = headers['retry-after'];
  const waits = typeof retryAfter === 'string' ? { retryAfter } : {};
  const parsed = parse(body);
  if (parsed === undefined) {
    if (status >= 200 && status < 300)
      throw new SallyportError(
        'DEVICE_UNREADABLE',
        `${title}: an answer with status ${status} is no JSON object: something between here and the FortiGate may have answered in its place`,
      );
    return { kind: 'refused', refusal: { http: status, ...waits } };
  }
  const http = parsed.http_status ?? status;
  const isDone = http >= 200 && http < 300 && (parsed.status === undefined || parsed.status === 'success');
  if (isDone && status >= 200 && status < 300 && (parsed.error === undefined || parsed.error === 0))
    return { kind: 'done', envelope: parsed };
  // A 200 that says "error" inside: the body counts.
  const worst = http >= 200 && http < 300 ? (status >= 200 && status < 300 ? 500 : status) : http;
  return { kind: 'refused', refusal: { http: worst, error: parsed.error, words: parsed.cli_error?.trim(), ...waits } };
}

function parse(body: Buffer): Envelope | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  // Several VDOMs answer as a list of envelopes; one was asked for.
  const one: unknown = Array.isArray(json) && json.length === 1 ? json[0] : json;
  return isEnvelope(one) ? one : undefined;
}

/** By hand: hundreds come each second, and a form would copy each. */
function isEnvelope(one: unknown): one is Envelope {
  if (typeof one !== 'object' || one === null || Array.isArray(one)) return false;
  const told = one as Readonly<Record<string, unknown>>;
  const { mkey } = told;
  return (
    TEXTS.every((key) => told[key] === undefined || typeof told[key] === 'string') &&
    NUMBERS.every((key) => told[key] === undefined || Number.isSafeInteger(told[key])) &&
    (mkey === undefined || mkey === null || typeof mkey === 'string' || typeof mkey === 'number')
  );
}
