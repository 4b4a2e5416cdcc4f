import type { AuditEntry } from './record.ts';
import { type TrailProblem, readTrail } from './reading.ts';

/** One write to a firewall, from what stands in its trail. */
export interface AuditWrite {
  /** Of its first record. */
  readonly number: number;
  readonly at: string;
  readonly firewall: string;
  readonly step: Extract<AuditEntry, { what: 'Sent' }>['step'];
  readonly title: string;
  readonly plan?: string;
  readonly by: string;
  /** Who said yes to its plan, and when. */
  readonly approved?: { readonly by: string; readonly at: string };
  readonly objects: Extract<AuditEntry, { what: 'Sent' }>['objects'];
  /** How many objects are not named. */
  readonly more: number;
  readonly text: string;
  /** `Unknown`: the process died before the device answered; it reads the device again when it starts. */
  readonly result: 'Accepted' | 'Refused' | 'Unknown';
  readonly ms?: number;
  /** How the device calls what it did for it. */
  readonly device?: readonly string[];
  readonly code?: string;
  readonly message?: string;
}

export interface AuditQuestion {
  /** Milliseconds since the epoch; both ends belong to it. */
  readonly since: number;
  readonly until: number;
  /** So many of the newest writes. */
  readonly last: number;
}

export interface AuditHistory {
  /** Oldest first. */
  readonly writes: readonly AuditWrite[];
  /** Where the trail is not as it was written, and the gaps that it tells of itself. */
  readonly problems: readonly TrailProblem[];
  readonly gaps: readonly { readonly at: string; readonly lost: number; readonly reason: string }[];
  /** How many records were read and proved. */
  readonly records: number;
}

/** Plans whose yes is remembered while a trail is read: a write follows its yes within the hour. */
const APPROVALS = 1_000;

/** Reads the whole trail of a firewall, proves it, and puts each write together with its answer and the yes to its plan. */
export async function historyOf(folder: string, firewall: string, question: AuditQuestion): Promise<AuditHistory> {
  const writes: AuditWrite[] = [];
  const problems: TrailProblem[] = [];
  const gaps: { at: string; lost: number; reason: string }[] = [];
  const approvals = new Map<string, { readonly by: string; readonly at: string }>();
  let records = 0;
  for await (const item of readTrail(folder)) {
    if ('problem' in item) {
      problems.push(item.problem);
      continue;
    }
    records += 1;
    const { number, at, entry } = item.record;
    switch (entry.what) {
      case 'Approved':
        approvals.delete(entry.plan);
        approvals.set(entry.plan, { by: entry.by, at: entry.madeAt });
        for (const plan of approvals.keys()) if (approvals.size > APPROVALS) approvals.delete(plan);
        break;
      case 'Gap':
        gaps.push({ at, lost: entry.lost, reason: entry.reason });
        break;
      case 'Sent': {
        const time = Date.parse(at);
        if (time < question.since || time > question.until) break;
        const { what: _sent, plan, ...write } = entry;
        const yes = plan === undefined ? undefined : approvals.get(plan);
        writes.push({
          number,
          at,
          firewall,
          ...write,
          ...(plan === undefined ? {} : { plan }),
          ...(yes === undefined ? {} : { approved: yes }),
          result: 'Unknown',
        });
        // Twice as many are kept at times, so that an array is not moved for each.
        if (writes.length >= 2 * question.last) writes.splice(0, writes.length - question.last);
        break;
      }
      case 'Accepted':
      case 'Refused': {
        // Writes to one firewall follow one another, so that the answer is to the last one, or to one that was not asked for.
        const write = writes.at(-1);
        if (write?.number !== entry.of) break;
        const { what: result, of: _number, device, ...answer } = entry;
        const named = device === undefined ? {} : { device };
        writes[writes.length - 1] = { ...write, ...answer, ...named, result };
        break;
      }
    }
  }
  return { writes: writes.slice(Math.max(0, writes.length - question.last)), problems, gaps, records };
}
