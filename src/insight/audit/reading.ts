import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type AuditRecord, BEGINNING, readRecord } from './record.ts';
import { segmentsIn } from './segments.ts';

/** Something in a trail that is not as it was written. */
export interface TrailProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export type TrailItem = { readonly record: AuditRecord } | { readonly problem: TrailProblem };

/**
 * Reads a trail from its beginning, record by record, and proves the chain on the way. A trail whose oldest files are gone begins later;
 * one whose end was taken away cannot be told from one that ended there, but for the log, which has the same entries.
 */
export async function* readTrail(folder: string): AsyncGenerator<TrailItem> {
  let before: Pick<AuditRecord, 'number' | 'hash'> | undefined;
  /** A line that is no record: no harm where it ends a file and the next one begins by telling of it. */
  let pending: TrailProblem | undefined;
  for (const { path } of segmentsIn(folder)) {
    let line = 0;
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1;
      const record = readRecord(text);
      const told = line === 1 && !('problem' in record) && record.entry.what === 'Gap';
      if (pending !== undefined && !told) yield { problem: pending };
      pending = undefined;
      if ('problem' in record) {
        pending = { file: path, line, message: record.problem };
        continue;
      }
      const message = brokenChain(before, record);
      if (message !== undefined) yield { problem: { file: path, line, message } };
      yield { record };
      before = record;
    }
  }
  if (pending !== undefined) yield { problem: pending };
}

function brokenChain(
  before: Pick<AuditRecord, 'number' | 'hash'> | undefined,
  { number, previous }: AuditRecord,
): string | undefined {
  if (before === undefined) {
    if (number === 1 && previous !== BEGINNING) return 'record 1 is not the beginning: what stood before it is gone';
    return undefined;
  }
  if (number !== before.number + 1)
    return `record ${number} follows record ${before.number}: what stood between them is gone`;
  if (previous !== before.hash)
    return `record ${number} is not chained to the one before it: one of them was put in another's place`;
  return undefined;
}
