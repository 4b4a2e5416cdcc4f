import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cluster as plainCluster, flow, given, services } from '../../test/kit/random-cluster.ts';
import { otherKinds } from '../../test/kit/random-kinds.ts';
import { PATIENCE_MS, tries } from '../../test/kit/runs.ts';
import { SlowCluster } from '../../test/kit/slow-cluster.ts';
import { loadWorld } from './world.ts';

const cluster = fc.tuple(plainCluster, services, otherKinds, given).map((parts) => parts.flat());

describe('the engine and an independent evaluator agree', () => {
  test(
    'on random objects, which are all valid',
    () => {
      fc.assert(
        fc.property(cluster, (objects) => {
          const wrong = loadWorld(objects).diagnostics.filter(({ severity }) => severity === 'error');
          expect(wrong).toEqual([]);
        }),
        tries(15, 5),
      );
    },
    PATIENCE_MS,
  );

  test(
    'on every verdict, its reason and what was passed',
    () => {
      fc.assert(
        fc.property(cluster, fc.array(flow, { minLength: 1, maxLength: 12 }), (objects, flows) => {
          const world = loadWorld(objects);
          const slow = new SlowCluster(objects);
          const truth = flows.map((question) => slow.verdict(question));
          // Answers may be remembered, and lists are filed when they are asked again.
          for (let round = 0; round < 3; round++)
            expect(flows.map((question) => world.verdict(question))).toEqual(truth);
        }),
        tries(35, 12),
      );
    },
    PATIENCE_MS,
  );

  test(
    'on endpoints, their addresses, profiles and policies, and on what each policy selects',
    () => {
      fc.assert(
        fc.property(cluster, (objects) => {
          const sorted = <E extends { readonly ips: readonly string[] }>(endpoints: readonly E[]): readonly object[] =>
            endpoints.map((endpoint) => ({ ...endpoint, ips: endpoint.ips.toSorted() }));
          const slow = new SlowCluster(objects);
          const world = loadWorld(objects);
          expect(sorted(world.endpoints())).toEqual(sorted(slow.endpoints()));
          expect(new Map(world.policySelectors())).toEqual(new Map(slow.policySelectors()));
        }),
        tries(20, 7),
      );
    },
    PATIENCE_MS,
  );
});
