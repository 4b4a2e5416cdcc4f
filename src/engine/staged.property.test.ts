import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { cluster, flow } from '../../test/kit/random-cluster.ts';
import { staged } from '../../test/kit/random-kinds.ts';
import { readResource } from '../api/read.ts';
import { type ResourceKey, resourceKey } from '../api/resource.ts';
import { isStaged } from './queries.ts';
import { loadWorld } from './world.ts';
import { tries } from '../../test/kit/runs.ts';

/** Everything that is enforced, and how. */
function enforced(
  objects: readonly PlainObject[],
  questions: readonly Parameters<ReturnType<typeof loadWorld>['verdict']>[0][],
) {
  const world = loadWorld(objects);
  const { engine } = world;
  return {
    verdicts: questions.map((question) => world.verdict(question)),
    lists: [...engine.endpoints.keys()]
      .sort()
      .map((id) =>
        engine
          .tiersOf(id)
          .map(({ tier, ingress, egress }) => [tier, ingress.map((one) => one.id), egress.map((one) => one.id)]),
      ),
    order: engine.order.tiers,
    policies: [...engine.policies.keys()].sort(),
  };
}

describe('12: staged policies decide nothing', () => {
  test('a random cluster with random staged policies is enforced as without them', () => {
    fc.assert(
      fc.property(
        cluster,
        fc.array(staged, { maxLength: 8 }),
        fc.array(flow, { maxLength: 8 }),
        (objects, more, flows) => {
          expect(enforced([...objects, ...more], flows)).toEqual(enforced(objects, flows));
        },
      ),
      tries(22, 8),
    );
  });

  test('and what is shown of it without them is what is enforced', () => {
    fc.assert(
      fc.property(cluster, fc.array(staged, { maxLength: 8 }), (objects, more) => {
        const known = new Set<ResourceKey>();
        for (const object of more) {
          const { resource, diagnostics } = readResource(object, {});
          expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
          if (resource !== undefined) known.add(resourceKey(resource));
        }
        const without = loadWorld(objects).endpoints();
        const shown = loadWorld([...objects, ...more]).endpoints();
        const seen = new Set(
          shown.flatMap(({ tiers }) => tiers.flatMap(({ ingress, egress }) => [...ingress, ...egress])),
        );
        for (const id of seen) if (isStaged(id)) expect(known.has(id)).toBe(true);
        const real = (ids: string[]) => ids.filter((id) => !isStaged(id));
        expect(
          shown.map((endpoint) => ({
            ...endpoint,
            tiers: endpoint.tiers
              .map((list) => ({ ...list, ingress: real(list.ingress), egress: real(list.egress) }))
              .filter(({ ingress, egress }) => ingress.length + egress.length > 0),
          })),
        ).toEqual(without);
      }),
      tries(15, 5),
    );
  });
});
