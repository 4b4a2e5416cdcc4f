import type { DutyEvent } from '../reports/duty-events.ts';
import type { FrrOutcome } from './frr-keeper.ts';

/** As today's controller words it (metal-stack reference, 3.3). */
const REASON = 'Network settings';

/** The event that tells what became of FRR's configuration; `undefined`: nothing happened. */
export function frrEvent(outcome: FrrOutcome): DutyEvent | undefined {
  switch (outcome.kind) {
    case 'inForce':
      if (!outcome.isChanged) return undefined;
      return { type: 'Normal', reason: REASON, note: 'reconciliation succeeded (frr.conf)' };
    case 'failed':
      return { type: 'Warning', reason: REASON, note: `reconciliation failed (frr.conf): ${outcome.because}` };
    case 'waiting':
      return { type: 'Warning', reason: REASON, note: 'frr.conf is written, but FRR does not run' };
    case 'absent':
      return undefined;
  }
}
