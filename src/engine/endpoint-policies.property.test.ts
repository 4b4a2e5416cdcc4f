import fc from 'fast-check';
import { expect, test } from 'vitest';
import { atOnce } from '../base/pieces.ts';
import type { Policy } from '../inventory/model.ts';
import { equal } from '../selector/node.ts';
import { selectorOf } from '../selector/selector.ts';
import { EndpointPolicies } from './endpoint-policies.ts';
import { PolicyOrder } from './policy-order.ts';

/** More policies than the few of an endpoint by a factor of twenty, so that both ways to put them in order are taken. */
const POLICIES = 60;
const SELECTORS = 12;

function policyOf(n: number, order: number, selector: number): Policy {
  return {
    id: `GlobalNetworkPolicy/p${n}`,
    kind: 'GlobalNetworkPolicy',
    namespace: '',
    name: `p${n}`,
    tier: 'default',
    order,
    place: {},
    appliesTo: selectorOf(equal('s', `${selector}`)),
    directions: { ingress: n % 2 === 0, egress: true },
    ingress: n % 2 === 0 ? [] : undefined,
    egress: [],
    doNotTrack: false,
    preDNAT: false,
    applyOnForward: false,
  };
}

const policies = fc.array(
  fc.record({ order: fc.integer({ min: 1, max: 5 }), selector: fc.integer({ min: 1, max: SELECTORS }) }),
  { minLength: 1, maxLength: POLICIES, size: 'max' },
);
/** What one endpoint after the other matches, some of it nobody's. */
const endpoints = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: SELECTORS + 2 })), { maxLength: 6 });

test('an endpoint has the policies whose selectors match it, in order, whoever was asked for before', () => {
  fc.assert(
    fc.property(policies, endpoints, (specs, matching) => {
      const all = new Map(
        specs.map(({ order, selector }, n) => policyOf(n, order, selector)).map((policy) => [policy.id, policy]),
      );
      const order = atOnce(PolicyOrder.of(new Map(), all));
      const numbers = new Map(
        Array.from({ length: SELECTORS }, (_, n) => [selectorOf(equal('s', `${n + 1}`)).id, n + 1]),
      );
      const of = new EndpointPolicies(order, (id) => numbers.get(id) ?? 0);
      for (const [n, selectors] of matching.entries()) {
        const selecting = order.policies.filter((policy) => selectors.includes(numbers.get(policy.appliesTo.id) ?? 0));
        const [tier] = of.tiersOf(`e${n}`, 'normal', () => Int32Array.from(selectors));
        expect(tier?.egress ?? []).toEqual(selecting);
        expect(tier?.ingress ?? []).toEqual(selecting.filter(({ ingress }) => ingress !== undefined));
      }
    }),
  );
});
