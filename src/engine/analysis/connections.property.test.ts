import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { concerns, connectionsWith, isSelf } from '../../../test/kit/connections.ts';
import type { PlainObject } from '../../../test/kit/plain-objects.ts';
import { cluster as plainCluster, flow, services } from '../../../test/kit/random-cluster.ts';
import { SlowCluster } from '../../../test/kit/slow-cluster.ts';
import { loadWorld } from '../world.ts';

/** Pods get owners, so that several are one workload, whole or not. */
const cluster = fc.tuple(plainCluster, services, fc.boolean()).map(([objects, slices, owned]) =>
  [...objects, ...slices].map((object): PlainObject => {
    if (object.kind !== 'Pod' || !owned || object.metadata.name === 'p4') return object;
    const ownerReferences = [
      { kind: object.metadata.name === 'p3' ? 'Job' : 'StatefulSet', name: 'w', controller: true },
    ];
    return { ...object, metadata: { ...object.metadata, ownerReferences } as PlainObject['metadata'] };
  }),
);

describe('connections (semantics 6.4, 8.3)', () => {
  test(
    'hold a flow, in exactly one of them, if and only if the verdict allows it',
    () => {
      fc.assert(
        fc.property(cluster, fc.array(flow, { minLength: 1, maxLength: 20 }), (objects, flows) => {
          const world = loadWorld(objects);
          const slow = new SlowCluster(objects);
          const connections = world.connections();
          for (const question of flows) {
            if (isSelf(world, question) || !concerns(world, question)) continue;
            const found = connectionsWith(world, connections, question);
            const { allowed } = world.verdict(question);
            expect({ question, allowed: slow.verdict(question).allowed }).toEqual({ question, allowed });
            expect({ question, found: found.length }).toEqual({ question, found: allowed ? 1 : 0 });
          }
        }),
        tries(16, 6),
      );
    },
    PATIENCE_MS,
  );

  test(
    'do not depend on the order of the objects',
    () => {
      fc.assert(
        fc.property(cluster, (objects) => {
          // Of objects with one name the first counts.
          const named = new Map(
            objects.toReversed().map((object) => {
              const { name, namespace } = object.metadata;
              return [JSON.stringify([object.apiVersion, object.kind, namespace, name]), object];
            }),
          );
          const given = [...named.values()];
          expect(loadWorld(given.toReversed()).connections()).toEqual(loadWorld(given).connections());
        }),
        tries(8, 3),
      );
    },
    PATIENCE_MS,
  );
});
