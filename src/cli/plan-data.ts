import type { Plan } from '../plan/plan.ts';
import type { Connections } from './firewalls.ts';
import type { DocumentData } from './output-schemas.ts';

type PlanData = DocumentData<'Plans'>['plans'][number];

/** A plan as JSON: sets of flows become the lines that people read. */
export function planData({ traffic, ...plan }: Plan, connections?: Connections): PlanData {
  return {
    ...plan,
    ...(connections === undefined ? {} : { connections }),
    traffic: {
      changes: traffic.changes.map(({ presence, family, senders, flows }) => ({
        presence,
        family,
        senders,
        gained: flows?.gained.describe() ?? null,
        lost: flows?.lost.describe() ?? null,
      })),
      translations: traffic.translations.map(({ flows, ...change }) => ({ ...change, flows: flows.describe() })),
      noLongerJudged: traffic.freed.toStrings(),
      judgedFromNowOn: traffic.taken.toStrings(),
      unknownNoLongerDropped: traffic.unknownGained.toStrings(),
      unknownDroppedFromNowOn: traffic.unknownLost.toStrings(),
      sendersBefore: traffic.sendersBefore,
      sendersAfter: traffic.sendersAfter,
    },
  };
}
