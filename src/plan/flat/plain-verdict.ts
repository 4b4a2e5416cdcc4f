import { BucketMap } from '../../base/bucket-map.ts';
import { evaluate, isGoverned } from '../../border/evaluate.ts';
import type { Class, Part, Ruleset } from '../../border/ruleset.ts';
import type { Flow } from '../../engine/flows/flow-set.ts';
import { formatAddress } from '../../ip/address.ts';
import type { FlatEvaluation } from './evaluate-flat.ts';

type IsDomain = (domain: string, flow: Flow) => boolean;

/**
 * What a ruleset does to one packet of a member of a class, or of nobody known, by the reference evaluator; told apart as lists do: what
 * our own kinds allow is `Allowed` with `form: Full`, all else that passes is left to the device's own rules.
 */
export function plainVerdict(
  ruleset: Omit<Ruleset, 'members'>,
  one: Class | undefined,
  flow: Flow,
  form: 'Full' | 'Filter',
  isDomain: IsDomain,
): FlatEvaluation['verdict'] {
  const ask = (only: Class | undefined): ReturnType<typeof evaluate> =>
    evaluate(
      {
        ...ruleset,
        nats: [],
        classes: new Map(only === undefined ? [] : [[only.id, only]]),
        members: BucketMap.from(only === undefined ? [] : [[formatAddress(flow.source), only.id]]),
      },
      flow,
      isDomain,
    );
  if (!isGoverned(ruleset, flow)) return 'Left';
  if (!ask(one).passes) return 'Denied';
  if (one === undefined || form === 'Filter') return 'Left';
  if (ask({ ...one, parts: [] }).reason === 'rule') return 'Allowed';
  const grants = one.parts.map((part) => {
    const { reason, decidedBy } = ask({ ...one, widened: [], parts: [namedByLayer(part)] });
    return reason === 'rule' && decidedBy?.policy !== 'Tier';
  });
  return grants.length > 0 && grants.every(Boolean) ? 'Allowed' : 'Left';
}

/** With the layer in the place of the policy, so that the answer tells whose rule decided. */
function namedByLayer(part: Part): Part {
  return {
    ...part,
    stages: part.stages.map((stage) => ({
      ...stage,
      rules: stage.rules.map((rule) => ({ ...rule, origin: { policy: stage.layer } })),
    })),
  };
}
