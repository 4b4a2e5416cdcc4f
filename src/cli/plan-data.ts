import type { Plan } from '../plan/plan.ts';
import type { Traffic } from '../plan/traffic.ts';
import type { Connections } from './firewalls.ts';
import type { DocumentData } from './output-schemas.ts';

type TrafficData = DocumentData<'Plans'>['plans'][number]['traffic'];
type PlanData = DocumentData<'Plans'>['plans'][number];

/** A plan as JSON: sets of flows become the lines that people read. */
export function planData({ traffic, ...plan }: Plan, connections?: Connections): PlanData {
  return {
    ...plan,
    ...(connections === undefined ? {} : { connections }),
    traffic: trafficData(traffic),
  };
}

/** Traffic as JSON. */
export function trafficData(traffic: Traffic): TrafficData {
  return {
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
    lists: traffic.lists.map(({ list, resource, joins, leaves, gained, lost, opens }) => ({
      list,
      resource,
      joins: [...joins],
      leaves: [...leaves],
      gained: [...gained],
      lost: [...lost],
      opens,
    })),
    sendersBefore: traffic.sendersBefore,
    sendersAfter: traffic.sendersAfter,
  };
}
