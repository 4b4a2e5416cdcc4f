import fc from 'fast-check';
import { firewall, type Manifest } from './border-world.ts';
import { kubernetesPolicy, namespace, networkSet, node, pod, policy, pool, serviceAccount, tier } from './objects.ts';
import type { PlainEntity, PlainObject, PlainRule } from './plain-objects.ts';
import { borderPolicies, calicoRule, clusterPolicies } from './random-border.ts';
import { identity, services } from './random-cluster.ts';
import { otherKinds } from './random-kinds.ts';
import { calicoSpec, kubernetesRule, plainSelector, types } from './random-policies.ts';
import { accountSelector, endpointSelector, namespaceSelector, rulesIn } from './random-rules.ts';
import { ADDRESSES, labels, list, namespaceLabels, NETS, OUTSIDE, some, without } from './random-words.ts';

// Worlds of one border firewall that repeats whole tiers: cluster policies of every kind and field, and few of our own before and after.

/** Tiers of Calico's policies, and those that policies of other kinds are in. */
const TIERS = ['first', 'second', 'default'] as const;
const ALL_TIERS = [...TIERS, 'kube-admin', 'kube-baseline', 'adminnetworkpolicy', 'baselineadminnetworkpolicy'];

const of = (family: 4 | 6): string[] => ADDRESSES.filter((text) => text.includes(':') === (family === 6));
const isUnique = { selector: identity } as const;

/** Most policies select somebody: a rule of one that does not is in vain. */
const oftenAll = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('all()') },
    { weight: 2, arbitrary: fc.constantFrom("app == 'x'", "app != 'x'", 'has(role)') },
    { weight: 1, arbitrary },
  );
const oftenNone = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

/** Who sends: two owners of one address are seldom. */
const pods: fc.Arbitrary<PlainObject[]> = fc.uniqueArray(
  fc
    .record({
      name: fc.constantFrom('a/p1', 'a/p2', 'b/p1', 'b/p2'),
      ips: fc.tuple(fc.constantFrom(...of(4)), fc.constantFrom(...of(6))),
      labels,
      account: some(fc.constantFrom('s1', 's2')),
    })
    .map(({ name, ips, labels: own, account }) =>
      pod(name, { ips, labels: own, ...(account === undefined ? {} : { account }) }),
    ),
  { minLength: 3, maxLength: 4, ...isUnique },
);

/** A border cannot say source ports by their names; what it does instead has tests of its own. */
function withoutNamedSources(rule: PlainRule): PlainRule {
  const { source } = rule;
  if (source === undefined) return rule;
  const { ports: _, notPorts: __, ...rest } = source;
  const numbers = (of: 'ports' | 'notPorts'): PlainEntity => {
    const left = source[of]?.filter((each) => /^[\d:]+$/.test(String(each))) ?? [];
    return left.length === 0 ? {} : { [of]: left };
  };
  return { ...rule, source: { ...rest, ...numbers('ports'), ...numbers('notPorts') } };
}

/** What a rule may say besides: that something is not so, and where the sets it means lie. */
const meeting: fc.Arbitrary<object> = fc
  .tuple(
    calicoRule,
    fc.constantFrom<object[]>(
      {},
      {},
      { notSelector: "kind == 'bad'" },
      { notSelector: "kind == 'bank'" },
      { namespaceSelector: 'global()' },
      { namespaceSelector: 'all()' },
    ),
    fc.constantFrom<object[]>(
      {},
      { icmp: undefined, notICMP: { type: 3 } },
      { icmp: undefined, notICMP: { type: 8 } },
      { icmp: undefined, notICMP: { type: 128, code: 0 } },
    ),
  )
  .map(([rule, where, not]): object => {
    const isIcmp = JSON.stringify(rule).includes('"protocol":"ICMP');
    return without({ ...rule, ...(isIcmp ? not : {}), destination: { ...rule.destination, ...where } });
  });

/** Rules of every field, of which few meet a flow to the outside, among rules of which many do; and seldom nothing at the end. */
const egress: fc.Arbitrary<object[]> = fc
  .tuple(
    rulesIn('egress').map((rules) => rules.map(withoutNamedSources)),
    fc.array(meeting, { maxLength: 3 }),
    fc.boolean(),
    fc.constantFrom<object[]>([], [{ action: 'Allow' }], [{ action: 'Allow', protocol: 'TCP' }], [{ action: 'Pass' }]),
  )
  .map(([full, plain, before, last]) => [...(before ? full : plain), ...(before ? plain : full), ...last]);

const spec = fc
  .record({
    ...calicoSpec,
    tier: some(fc.constantFrom(...TIERS)),
    selector: oftenAll(endpointSelector),
    serviceAccountSelector: oftenNone(accountSelector),
    types: fc.constantFrom(['Egress'], ['Egress'], ['Ingress', 'Egress'], ['Ingress'], undefined),
    egress,
  })
  .map(without);

const globals: fc.Arbitrary<PlainObject> = fc
  .tuple(fc.constantFrom('q1', 'q2', 'q3', 'q4'), spec, oftenNone(namespaceSelector))
  .map(([name, content, namespaces]) => policy(name, without({ ...content, namespaceSelector: namespaces })));

const namespaced: fc.Arbitrary<PlainObject> = fc
  .tuple(fc.constantFrom('a/q1', 'a/q2', 'b/q1', 'b/q2'), spec)
  .map(([name, content]) => policy(name, content));

const kubernetes: fc.Arbitrary<PlainObject> = fc
  .record({
    name: fc.constantFrom('a/k1', 'a/k2', 'b/k1'),
    podSelector: plainSelector,
    policyTypes: types,
    egress: some(list(kubernetesRule('to'))),
  })
  .map(({ name, ...content }) => kubernetesPolicy(name, without(content)));

/** Policies that take part in egress, and others; network sets, accounts, tiers. */
const cluster: fc.Arbitrary<PlainObject[]> = fc
  .tuple(
    fc.tuple(namespaceLabels, namespaceLabels).map(([a, b]) => [namespace('a', a), namespace('b', b)]),
    fc
      .array(fc.constantFrom({}, { tier: 'x' }, { tier: 'y' }), { minLength: 3, maxLength: 3 })
      .map(([one, two, three]) => [
        serviceAccount('a/s1', one),
        serviceAccount('a/s2', two),
        serviceAccount('b/s1', three),
      ]),
    fc
      .array(
        fc.record({
          order: some(fc.constantFrom(5, 5, 2_000_000)),
          defaultAction: fc.constantFrom('Pass', 'Pass', 'Deny'),
        }),
        {
          minLength: 2,
          maxLength: 2,
        },
      )
      .map((drawn) => drawn.map((content, index) => tier(TIERS[index] ?? '', without(content)))),
    fc.uniqueArray(
      fc
        .tuple(
          fc.constantFrom('g1', 'g2', 'a/g1', 'b/g1'),
          labels,
          fc.constantFrom('bank', 'bad'),
          list(fc.constantFrom(...NETS[4], ...NETS[6], '0.0.0.0/0'), 3),
        )
        .map(([name, own, kind, nets]) => networkSet(name, { ...own, kind }, [...new Set(nets)])),
      { maxLength: 4, ...isUnique },
    ),
    fc.uniqueArray(globals, { minLength: 1, maxLength: 4, ...isUnique }),
    fc.uniqueArray(namespaced, { minLength: 1, maxLength: 3, ...isUnique }),
    fc.uniqueArray(kubernetes, { maxLength: 2, ...isUnique }),
    fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: services }),
    fc.oneof({ weight: 1, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: otherKinds }),
  )
  .map((parts) => parts.flat());

/** The firewall `edge`: `tiers` says which tiers it repeats. */
const edges = fc
  .record({
    tiers: fc.oneof(
      { weight: 2, arbitrary: fc.constant<readonly string[]>(ALL_TIERS) },
      { weight: 1, arbitrary: fc.subarray(ALL_TIERS, { minLength: 1 }) },
    ),
    unknown: fc.constantFrom('Drop', 'Ignore'),
    unselected: fc.constantFrom('Ignore', 'Deny'),
    accepts: fc.constantFrom<unknown[]>([], [{ namespaces: 'all()' }]),
  })
  .map(({ tiers, ...rest }) => firewall('edge', { ...rest, sees: 'Pod', policies: { tiers } }));

export interface TierWorld {
  readonly manifests: readonly Manifest[];
  /** Whether the firewall repeats every tier there is: then the cluster's own verdict is that of its second layer. */
  readonly repeatsAll: boolean;
}

export const tierWorlds: fc.Arbitrary<TierWorld> = fc
  .tuple(
    edges,
    pods,
    cluster,
    fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(clusterPolicies, { maxLength: 1 }) },
    ),
    fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(borderPolicies, { maxLength: 1 }) },
    ),
  )
  .map(([edge, senders, objects, first, third]) => {
    const plain = [
      pool('four', '10.0.0.0/16'),
      pool('six', 'fd00::/64'),
      node('n1', ['192.168.7.1']),
      ...senders,
      ...objects,
    ] as unknown as readonly Manifest[];
    const { policies } = edge['spec'] as { policies: { tiers: readonly string[] } };
    return { manifests: [edge, ...plain, ...first, ...third], repeatsAll: policies.tiers.length === ALL_TIERS.length };
  });

/** Addresses inside that send in such a world, whether a pod has them or not, and outside. */
export const TIER_ADDRESSES = { inside: ADDRESSES, outside: OUTSIDE } as const;
