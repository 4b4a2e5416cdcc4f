import { expect, test } from 'vitest';
import { cwnp, smallMachine } from '../../../test/kit/machine.ts';
import type { Policy } from '../kinds/policy.ts';
import { domainSetName } from '../rules/domain-sets.ts';
import { fqdnState, withFqdnState } from './fqdn-state.ts';

const TIME = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const set = (domain: string, type: 'ipv4_addr' | 'ipv6_addr' = 'ipv4_addr') => ({
  name: domainSetName(domain, type),
  domain,
  type,
  addresses: [],
});
const policyOf = (egress: string): Policy => {
  const [policy] = smallMachine(cwnp('web', `{ egress: ${egress} }`)).input.policies;
  if (policy === undefined) throw new Error('there is no policy');
  return policy;
};
const NAMES = {
  sets: [set('example.org.'), set('example.org.', 'ipv6_addr'), set('a.mirror.example.org.'), set('else.example.')],
  addressesOf: (domain: string, family: number): ReadonlyMap<string, number> =>
    new Map(
      domain === 'example.org.'
        ? family === 4
          ? [
              ['198.51.100.2', TIME],
              ['198.51.100.1', TIME],
            ]
          : [['2001:db8::1', TIME]]
        : [],
    ),
};

test('what names come to, by name and pattern as they are written, in the form of today', () => {
  const policy = policyOf(
    '[{ toFQDNs: [{ matchName: Example.org }], ports: [{ port: 443 }] }, { toFQDNs: [{ matchPattern: "*.mirror.example.org" }, { matchPattern: "*.nowhere" }], ports: [{ port: 443 }] }]',
  );
  expect(fqdnState(policy, NAMES)).toEqual({
    'Example.org': [
      {
        fqdn: 'example.org.',
        // The example of the reference, section 5.
        setName: 'e91c11d2b23d2393',
        version: 'ip',
        ipExpirationTimes: { '198.51.100.1': '2026-01-02T03:04:05Z', '198.51.100.2': '2026-01-02T03:04:05Z' },
      },
      {
        fqdn: 'example.org.',
        setName: domainSetName('example.org.', 'ipv6_addr'),
        version: 'ip6',
        ipExpirationTimes: { '2001:db8::1': '2026-01-02T03:04:05Z' },
      },
    ],
    '*.mirror.example.org': [
      {
        fqdn: 'a.mirror.example.org.',
        setName: domainSetName('a.mirror.example.org.', 'ipv4_addr'),
        version: 'ip',
        ipExpirationTimes: {},
      },
    ],
  });
});

test('times alone are no reason to write; a policy without names has no state', () => {
  const state = fqdnState(policyOf('[{ toFQDNs: [{ matchName: example.org }], ports: [{ port: 443 }] }]'), NAMES);
  if (state === undefined || state === 'none') throw new Error('there is no state');
  const later = JSON.parse(JSON.stringify(state).replaceAll('2026-01', '2026-02')) as typeof state;
  const before = { state: 'deployed', fqdn_state: state };
  expect(withFqdnState(before, later)).toBe(before);
  const fewer = JSON.parse(JSON.stringify(state).replace('"198.51.100.1":"2026-01-02T03:04:05Z",', '')) as typeof state;
  expect(withFqdnState(before, fewer)).toEqual({ state: 'deployed', fqdn_state: fewer });
  expect(fqdnState(policyOf('[{ to: [{ cidr: 198.51.100.0/24 }], ports: [{ port: 443 }] }]'), NAMES)).toBe('none');
  // Rules that were made for other names know nothing of these.
  expect(
    fqdnState(policyOf('[{ toFQDNs: [{ matchName: later.example }], ports: [{ port: 443 }] }]'), NAMES),
  ).toBeUndefined();
});

test('a pattern that matches very many names is shown as far as an object has room', () => {
  const sets = Array.from({ length: 10_000 }, (_, n) => set(`n${n}.example.org.`));
  const policy = policyOf('[{ toFQDNs: [{ matchPattern: "*" }], ports: [{ port: 443 }] }]');
  const text = JSON.stringify(fqdnState(policy, { sets, addressesOf: () => new Map([['198.51.100.1', TIME]]) }));
  expect(text.length).toBeLessThan(500_000);
  expect(text).toContain('n0.example.org.');
});
