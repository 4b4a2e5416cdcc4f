import { createHash } from 'node:crypto';
import { z } from 'zod';

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const objectChange = z.strictObject({
  change: z.enum(['+', '~', '-']),
  kind: z.string(),
  name: z.string(),
  detail: z.string(),
});

/** A write is about to be sent: what, under which plan, on whose behalf. Its end is another entry, absent if the process died first. */
const sent = z.strictObject({
  what: z.literal('Sent'),
  step: z.enum(['Members', 'Rules', 'Cut', 'Clean', 'Remove']),
  title: z.string(),
  /** Of the plan that the step belongs to, where one was made; a yes names the same digest. */
  plan: hex.optional(),
  /** The process or person that writes: `controller edge-a`, `user root`. */
  by: z.string(),
  /** The first ones; `more` counts the rest. */
  objects: z.array(objectChange),
  more: z.int().min(0),
  /** SHA-256 of the exact text or payload of the step. */
  text: hex,
});

/** What the device said to the write `of` this number. */
const ended = {
  of: z.int().min(1),
  ms: z.number().min(0),
  /** How the device calls what it did for it: `job 417`, `transaction 12`; absent: it calls it nothing. */
  device: z.array(z.string()).min(1).optional(),
};
const accepted = z.strictObject({ what: z.literal('Accepted'), ...ended });
const refused = z.strictObject({ what: z.literal('Refused'), ...ended, code: z.string(), message: z.string() });

/** Somebody's yes to a plan was taken. */
const approved = z.strictObject({ what: z.literal('Approved'), plan: hex, by: z.string(), madeAt: z.string() });

/** Entries are missing before this one: they could not be written, or a line was cut short when a machine stopped. */
const gap = z.strictObject({ what: z.literal('Gap'), lost: z.int().min(1), reason: z.string() });

const entry = z.discriminatedUnion('what', [sent, accepted, refused, approved, gap]);

/** One thing that happened at one firewall. */
export type AuditEntry = z.infer<typeof entry>;

/** An entry as it stands in the trail. */
export interface AuditRecord {
  /** From 1, without a hole. */
  readonly number: number;
  /** ISO 8601, by the wall clock of the machine that wrote it. */
  readonly at: string;
  /** Hash of the record before; 64 zeros for the first. */
  readonly previous: string;
  readonly hash: string;
  readonly entry: AuditEntry;
}

const line = z.strictObject({ number: z.int().min(1), at: z.string(), previous: hex, entry });

/** What stands before the first record. */
export const BEGINNING = '0'.repeat(64);

/** A record as a line of JSON, its hash last: SHA-256 of the line without it, so that the bytes themselves are what is proved. */
export function recordLine(record: Omit<AuditRecord, 'hash'>): { readonly text: string; readonly hash: string } {
  const body = JSON.stringify(record);
  const hash = createHash('sha256').update(body).digest('hex');
  return { text: `${body.slice(0, -1)},"hash":"${hash}"}`, hash };
}

/** The record of a line, or why it is none. */
export function readRecord(text: string): AuditRecord | { readonly problem: string } {
  const split = /^(\{.*),"hash":"([0-9a-f]{64})"\}$/.exec(text);
  const [, open = '', hash = ''] = split ?? [];
  if (split === null) return { problem: 'this is no whole record' };
  const body = `${open}}`;
  if (createHash('sha256').update(body).digest('hex') !== hash)
    return { problem: 'it was changed after it was written' };
  let raw: unknown;
  try {
    raw = JSON.parse(body);
  } catch {
    return { problem: 'this is no whole record' };
  }
  const read = line.safeParse(raw);
  // What is right by its hash and has another shape was written by another version.
  return read.success ? { ...read.data, hash } : { problem: 'it was written by a version that this one does not know' };
}
