import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { cwnp, firewall, smallMachine } from '../../test/kit/machine.ts';
import { machineRuleset } from './ruleset.ts';
import { RulesetMemory } from './ruleset-memory.ts';

const entries = [
  '{ egress: [{ to: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 443 }, { port: 80 }] }] }',
  '{ egress: [{ to: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 443 }] }, { ports: [{ port: 1 }] }] }',
  '{ ingress: [{ from: [{ cidr: 10.0.0.0/8, except: [10.1.0.0/16] }], ports: [{ port: 22 }] }] }',
  '{ ingress: [{ ports: [{ port: 22 }] }], egress: [{ to: [{ cidr: 198.51.100.0/24 }], ports: [{ port: 53, protocol: UDP }] }] }',
  '{ egress: [{ toFQDNs: [{ matchName: example.org }], ports: [{ port: 443 }] }] }',
  '{ egress: [{ to: [{ cidr: nonsense }], ports: [{ port: 443 }] }] }',
];
const firewalls = [
  firewall('{}'),
  firewall('{ logAcceptedConnections: true }'),
  firewall('{ allowedNetworks: { egress: [192.0.2.0/24], ingress: [10.0.0.0/8] } }'),
];
const all = smallMachine(
  entries.flatMap((entry, index) => [cwnp(`a${index}`, entry), cwnp(`b${index}`, entry, 'other')]).join(''),
).input;

test('what was worked out before has no influence', () => {
  const world = fc.record({
    policies: fc.shuffledSubarray([...all.policies]),
    firewall: fc.constantFrom(...firewalls.map((text) => smallMachine(text).input.firewall)),
    semantics: fc.constantFrom('compatible' as const, 'strict' as const),
    namespace: fc.constantFrom('firewall', 'other'),
  });
  fc.assert(
    fc.property(fc.array(world, { minLength: 1, maxLength: 6 }), (worlds) => {
      const memory = new RulesetMemory();
      for (const each of worlds) {
        const input = { ...all, ...each };
        const { diagnostics, ...rest } = machineRuleset(input, memory);
        const fresh = machineRuleset(input);
        expect(rest).toEqual({ ruleset: fresh.ruleset, policies: fresh.policies });
        expect(diagnostics).toEqual(fresh.diagnostics);
      }
    }),
    tries(200, 40),
  );
});
