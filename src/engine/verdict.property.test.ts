import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cluster, flow } from '../../test/kit/random-cluster.ts';
import { SlowCluster } from '../../test/kit/slow-cluster.ts';
import { loadWorld } from './world.ts';

describe('the engine and an independent evaluator agree', () => {
  test('on random objects, which are all valid', () => {
    fc.assert(
      fc.property(cluster, (objects) => {
        const wrong = loadWorld(objects).diagnostics.filter(({ severity }) => severity === 'error');
        expect(wrong).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test('on every verdict, its reason and what was passed', () => {
    fc.assert(
      fc.property(cluster, fc.array(flow, { minLength: 1, maxLength: 12 }), (objects, flows) => {
        const world = loadWorld(objects);
        const slow = new SlowCluster(objects);
        for (const question of flows) expect(world.verdict(question)).toEqual(slow.verdict(question));
      }),
      { numRuns: 400 },
    );
  });

  test('on endpoints, their addresses and the policies that apply to them', () => {
    fc.assert(
      fc.property(cluster, (objects) => {
        const known = loadWorld(objects)
          .endpoints()
          .map(({ id, ips, tiers }) => ({
            id,
            ips: [...ips].sort(),
            policies: {
              ingress: tiers.flatMap(({ ingress }) => ingress),
              egress: tiers.flatMap(({ egress }) => egress),
            },
          }));
        const slow = new SlowCluster(objects)
          .endpoints()
          .map((endpoint) => ({ ...endpoint, ips: endpoint.ips.toSorted() }));
        expect(known).toEqual(slow.sort((a, b) => (a.id < b.id ? -1 : 1)));
      }),
      { numRuns: 150 },
    );
  });
});
