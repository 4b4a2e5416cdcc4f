import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BorderWorld,
  type Manifest,
  calico,
  clusterPolicy,
  firewall,
  namespace,
  namespacedPolicy,
  networkSet,
  node,
  pod,
  pool,
  resourceOf,
} from '../../test/kit/border-world.ts';
import { adminPolicy, endpointSlice, kubernetesPolicy } from '../../test/kit/objects.ts';
import { objects, worlds } from '../../test/kit/random-border.ts';
import { PATIENCE_MS, tries } from '../../test/kit/runs.ts';
import { plain } from '../../test/kit/shown-view.ts';
import { feedingOf } from '../api/feeding.ts';
import { kinds } from '../api/kinds.ts';
import type { ResourceType } from '../api/resource.ts';
import type { Ruleset } from './ruleset.ts';

const limited = kinds.map(({ type }) => type).filter((type) => feedingOf(type) !== 'Every');

const rules = fc.array(
  fc.record({
    action: fc.constantFrom('Allow', 'Deny'),
    to: fc.constantFrom([{ networks: ['203.0.113.0/24', '2001:db8::/32'] }], [{ networks: ['0.0.0.0/0'] }]),
  }),
  { minLength: 1, maxLength: 2 },
);
const older = fc.tuple(fc.constantFrom('AdminNetworkPolicy', 'BaselineAdminNetworkPolicy'), fc.nat(3), rules).map(
  ([kind, priority, egress]): Manifest => ({
    ...adminPolicy(kind, 'default', {
      ...(kind === 'AdminNetworkPolicy' ? { priority } : {}),
      subject: { namespaces: {} },
      egress,
    }),
  }),
);
const services = fc
  .tuple(fc.constantFrom('s1', 's2'), fc.subarray(['203.0.113.1', '203.0.113.9', '10.1.0.1'], { minLength: 1 }))
  .map(([name, ips]): Manifest => ({ ...endpointSlice(`a/${name}`, 'bank', ips, ['443']) }));
const toServices = fc.constantFrom('Allow', 'Deny').map((action) =>
  calico('GlobalNetworkPolicy', 'to-bank', {
    order: 1,
    types: ['Egress'],
    egress: [{ action, destination: { services: { namespace: 'a', name: 'bank' } } }],
  }),
);
const third = fc
  .tuple(
    fc.subarray(['kube-admin', 'adminnetworkpolicy', 'default', 't1', 'kube-baseline', 'baselineadminnetworkpolicy']),
    fc.constantFrom<unknown[]>([], [{ namespaces: 'all()' }]),
    fc.constantFrom([], ['edge'], ['far']),
  )
  .map(([tiers, accepts, behind]) =>
    firewall('third', {
      address: 'netns:3',
      policies: { tiers },
      accepts,
      behind: behind.filter((each) => each === 'edge'),
    }),
  );
const others = fc.array(fc.oneof(older, services, toServices, third, objects), { minLength: 5, maxLength: 25 });

const textOf = (ruleset: Ruleset | undefined): string => JSON.stringify(ruleset && plain(ruleset)) ?? 'none';
const typeOf = (manifest: Manifest): ResourceType => resourceOf(manifest).type;

test(
  'whatever there is of the kinds that are lost, the firewalls that they do not feed hold the same',
  () => {
    const inAllWorlds = fc.property(
      worlds,
      others,
      others,
      fc.subarray(limited, { minLength: 1, maxLength: 3 }),
      (start, more, hidden, lost) => {
        const isLost = (manifest: Manifest): boolean => lost.includes(typeOf(manifest));
        const known = [...start, ...more];
        const stale = new BorderWorld(...known);
        const whole = new BorderWorld(...known.filter((each) => !isLost(each)), ...hidden.filter(isLost));
        const fed = stale.border.fedBy(new Set(lost));
        for (const [name, { ruleset }] of stale.border.firewalls())
          if (!fed.has(name)) expect(textOf(ruleset)).toBe(textOf(whole.view(name).ruleset));
      },
    );
    fc.assert(inAllWorlds, tries(40, 14));
  },
  PATIENCE_MS,
);

const toBank = { action: 'Deny', destination: { selector: "kind == 'bank'" } };
const bankPolicy = clusterPolicy('to-bank', {
  egress: [{ action: 'Deny', selector: "kind == 'bank'" }],
  firewalls: ['fed'],
});
const deny = {
  subject: { namespaces: {} },
  egress: [{ name: 'no', action: 'Deny', to: [{ networks: ['203.0.113.0/24'] }] }],
};
const repeats = (...tiers: readonly string[]): Manifest => ({ policies: { tiers } });

/** For each kind that feeds some firewalls: one that it feeds, what else there is, and an object that makes a difference there. */
const examples: readonly (readonly [ResourceType, Manifest, readonly Manifest[], Manifest])[] = [
  [
    'KubernetesNetworkPolicy',
    repeats('default'),
    [],
    { ...kubernetesPolicy('a/none', { podSelector: {}, policyTypes: ['Egress'] }) },
  ],
  [
    'KubernetesClusterNetworkPolicy',
    repeats('kube-baseline'),
    [],
    { ...adminPolicy('ClusterNetworkPolicy', 'no', { ...deny, tier: 'Baseline', priority: 1 }) },
  ],
  [
    'AdminNetworkPolicy',
    repeats('adminnetworkpolicy'),
    [],
    { ...adminPolicy('AdminNetworkPolicy', 'no', { ...deny, priority: 1 }) },
  ],
  [
    'BaselineAdminNetworkPolicy',
    repeats('baselineadminnetworkpolicy'),
    [],
    { ...adminPolicy('BaselineAdminNetworkPolicy', 'default', deny) },
  ],
  ['NetworkPolicy', repeats('default'), [], calico('NetworkPolicy', 'a/no', { types: ['Egress'], egress: [toBank] })],
  [
    'GlobalNetworkPolicy',
    repeats('default'),
    [],
    calico('GlobalNetworkPolicy', 'no', { types: ['Egress'], egress: [toBank] }),
  ],
  [
    'Tier',
    repeats('t1'),
    [calico('GlobalNetworkPolicy', 't1.no', { tier: 't1', types: ['Egress'], egress: [] })],
    calico('Tier', 't1', { order: 5, defaultAction: 'Pass' }),
  ],
  [
    'EndpointSlice',
    repeats('default'),
    [
      calico('GlobalNetworkPolicy', 'no', {
        types: ['Egress'],
        egress: [{ action: 'Allow', destination: { services: { namespace: 'a', name: 'bank' } } }],
      }),
    ],
    { ...endpointSlice('a/s1', 'bank', ['203.0.113.9'], ['443']) },
  ],
  [
    'NetworkSet',
    { accepts: [{ namespaces: 'all()' }] },
    [namespacedPolicy('a/p', { egress: [{ action: 'Deny', selector: "kind == 'bank'" }] })],
    calico('NetworkSet', 'a/bank', { nets: ['203.0.113.9/32'] }),
  ],
  ['GlobalNetworkSet', {}, [bankPolicy], networkSet('bank', ['203.0.113.9/32'], { kind: 'bank' })],
  [
    'BorderPolicy',
    { accepts: [{ namespaces: 'all()' }] },
    [],
    namespacedPolicy('a/no', { egress: [{ action: 'Deny' }] }),
  ],
];

test('there is an example of each kind that feeds some firewalls', () => {
  const some = limited.filter((type) => feedingOf(type) === 'Some');
  expect(examples.map(([type]) => type).toSorted()).toEqual(some.toSorted());
});

test.each(examples)(
  'a %s makes a difference where it is said to feed, and nowhere else',
  (type, config, around, object) => {
    const labelled =
      type === 'NetworkSet'
        ? { ...object, metadata: { namespace: 'a', name: 'bank', labels: { kind: 'bank' } } }
        : object;
    const before = [
      namespace('a'),
      namespace('b'),
      node('n1', '172.18.0.1'),
      pool('v4', '10.1.0.0/16'),
      pod('a/x', ['10.1.0.1']),
      firewall('fed', config),
      firewall('free', { address: 'netns:free' }),
      firewall('behind', { address: 'netns:behind', behind: ['fed'] }),
      ...around,
    ];
    const [without, withIt] = [new BorderWorld(...before), new BorderWorld(...before, labelled)];
    expect(typeOf(labelled)).toBe(type);
    expect([...without.border.fedBy(new Set([type]))].toSorted()).toEqual(['behind', 'fed']);
    expect(plain(withIt.ruleset('fed'))).not.toEqual(plain(without.ruleset('fed')));
    expect(plain(withIt.ruleset('free'))).toEqual(plain(without.ruleset('free')));
  },
);

test('kinds that feed all, and kinds that feed none', () => {
  const world = new BorderWorld(firewall('one'), firewall('two'));
  expect([...world.border.fedBy(new Set(['Pod']))]).toEqual(['one', 'two']);
  expect([...world.border.fedBy(new Set(['BorderApproval', 'StagedNetworkPolicy', 'WorkloadEndpoint']))]).toEqual([]);
});
