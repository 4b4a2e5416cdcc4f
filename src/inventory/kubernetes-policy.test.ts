import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kubernetesPolicy as written } from '../../test/kit/objects.ts';
import { readResource } from '../api/read.ts';
import { kubernetesPolicy } from './kubernetes-policy.ts';
import type { Policy } from './model.ts';

const selector = fc.oneof(
  fc.constant({}),
  fc.record({ matchLabels: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('a', 'b'), { maxKeys: 2 }) }),
  fc.record({ matchExpressions: fc.constant([{ key: 'x', operator: 'In', values: ['b', 'a'] }]) }),
);
const peer = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector: selector }),
  fc.record({ podSelector: selector, namespaceSelector: selector }),
  fc.constant({ ipBlock: { cidr: '198.51.100.0/24', except: ['198.51.100.128/25'] } }),
);
const port = fc.record({ protocol: fc.constantFrom('TCP', 'UDP'), port: fc.constantFrom(80, 443) });
const rule = (end: 'from' | 'to') =>
  fc.record({ [end]: fc.array(peer, { maxLength: 3 }), ports: fc.array(port, { maxLength: 2 }) });
const spec = fc.record({
  podSelector: selector,
  policyTypes: fc.subarray(['Ingress', 'Egress'], { minLength: 1 }),
  ingress: fc.array(rule('from'), { maxLength: 3 }),
  egress: fc.array(rule('to'), { maxLength: 3 }),
});

function policyOf(object: ReturnType<typeof written>): Policy {
  const { resource } = readResource(object, {});
  if (resource?.type !== 'KubernetesNetworkPolicy') throw new Error('not read');
  return kubernetesPolicy(resource);
}

/** Ids of the selectors that rules in effect have. */
function idsOfRules({ ingress = [], egress = [] }: Policy): ReadonlySet<string> {
  const sides = [...ingress, ...egress].flatMap(({ source, destination }) => [source, destination]);
  return new Set(sides.flatMap(({ selector: found }) => (found === undefined ? [] : [found.id])));
}

test('what is known of a policy before its rules are made is what the rules say', () => {
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 3 }), (specs) => {
      for (const [n, each] of specs.entries()) {
        const policy = policyOf(written(`n${n % 2}/p`, each));
        const known = new Set(policy.selectors?.map(({ id }) => id));
        const directions = { ...policy.directions };
        expect(known).toEqual(idsOfRules(policy));
        expect(directions).toEqual({ ingress: policy.ingress !== undefined, egress: policy.egress !== undefined });
        // Rules that decide nothing have the selectors that they would have if they decided.
        const idle = policyOf(written(`n${n % 2}/p`, { ...each, policyTypes: ['Ingress', 'Egress'] }));
        const sides = [...(policy.idle ?? [])].flatMap(({ source, destination }) => [source, destination]);
        for (const { selector: found } of sides) if (found !== undefined) expect(idsOfRules(idle)).toContain(found.id);
        expect(policy.ingress).toBe(policy.ingress);
      }
    }),
  );
});
