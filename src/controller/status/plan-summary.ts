import type { z } from 'zod';
import { STATUS_LIMITS } from '../../api/status.ts';
import type { planSummary } from '../../api/status-parts.ts';
import type { Plan } from '../../plan/plan.ts';
import { printTraffic } from '../../plan/print.ts';
import { cut, momentText } from './conditions.ts';

/** A plan as a status tells it. */
export type PlanSummary = z.infer<typeof planSummary>;

/** Longest list within a line, of names and of flows. */
const MOST_LISTED = 4;

/** What a plan means, as a status has room for it; `digest` is absent where there is nothing to approve. */
export function summaryOfPlan(
  plan: Plan,
  waiting: { readonly reasons: readonly string[]; readonly digest?: string; readonly sinceMs: number },
): PlanSummary {
  const { counts, traffic } = plan;
  return {
    ...(waiting.digest === undefined ? {} : { digest: waiting.digest }),
    since: momentText(waiting.sinceMs),
    reasons: limited(waiting.reasons, STATUS_LIMITS.reasons),
    made: counts.made,
    changed: counts.changed,
    removed: counts.removed,
    gaining: senders(plan, 'gained'),
    losing: senders(plan, 'lost'),
    traffic: limited(
      printTraffic(traffic, { limit: MOST_LISTED })
        .filter((line) => line.startsWith('  '))
        .map((line) => line.slice(2)),
      STATUS_LIMITS.traffic,
    ),
  };
}

/** Addresses whose flows become more, or less; too many flows to be compared may be both. */
function senders({ traffic: { changes } }: Plan, which: 'gained' | 'lost'): number {
  const found = new Set<string>();
  for (const { flows, senders: own } of changes)
    if (flows?.[which].isEmpty !== true) for (const sender of own) found.add(sender);
  return found.size;
}

function limited(lines: readonly string[], most: number): string[] {
  const shown = lines.length > most ? [...lines.slice(0, most - 1), `and ${lines.length - most + 1} more`] : lines;
  return shown.map((line) => cut(line, STATUS_LIMITS.text));
}
