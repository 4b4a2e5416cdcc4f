import { z } from 'zod';
import { SallyportError } from '../../base/error.ts';
import type { DeviceAnswer } from '../https/whole-answer.ts';

/** What all answers of the API have in common; rows and results have forms of their own. */
const envelopeForm = z.looseObject({
  status: z.string().optional(),
  http_status: z.int().optional(),
  /** Negative: a code of the configuration database. */
  error: z.int().optional(),
  cli_error: z.string().optional(),
  revision: z.string().optional(),
  /** Keys of policies are numbers here and texts there. */
  mkey: z.union([z.string(), z.number()]).nullish(),
  results: z.unknown().optional(),
  version: z.string().optional(),
  build: z.int().optional(),
  serial: z.string().optional(),
});

export type Envelope = z.infer<typeof envelopeForm>;

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
  return envelopeForm.safeParse(one).data;
}
