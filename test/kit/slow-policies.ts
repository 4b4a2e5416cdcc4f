import type { PlainClusterPeer, PlainObject, PlainRule, PlainSelector } from './plain-objects.ts';
import { type Item, givenProfile, of } from './slow-items.ts';
import { type SlowRule, clusterPolicyRules, isSubjectOf, networkPolicyRules, selects } from './slow-kubernetes.ts';
import { type Surroundings, matches } from './slow-match.ts';
import { globalScope, kubernetesScope, namespaceSelector, podSelector, policyScope } from './slow-scope.ts';
import { canonical, holds } from './slow-selector.ts';

// What all kinds of policy have in common: a tier, an order, directions, subjects and rules (policy semantics 3.1, 6, 8, 9 and 12).

export type Direction = 'ingress' | 'egress';

export interface SlowPolicy {
  readonly object: PlainObject;
  /** `Kind/namespace/name`, or `Kind/name`. */
  readonly id: string;
  readonly tier: string;
  readonly order: number;
  /** What breaks ties of order (6.1.2). */
  readonly tie: string;
  readonly staged: boolean;
  readonly doNotTrack: boolean;
  readonly preDNAT: boolean;
  readonly applyOnForward: boolean;
  readonly directions: readonly Direction[];
  readonly rules: Readonly<Record<Direction, readonly SlowRule[]>>;
  /** The effective selector in canonical text. */
  readonly scope: string;
  appliesTo(item: Item): boolean;
}

export function policiesOf(known: Surroundings): SlowPolicy[] {
  return known.objects.flatMap((policy): SlowPolicy[] => {
    switch (policy.kind) {
      case 'NetworkPolicy':
        return policy.apiVersion === 'networking.k8s.io/v1'
          ? [kubernetes(known, policy, 'KubernetesNetworkPolicy')]
          : [calico(known, policy)];
      case 'StagedKubernetesNetworkPolicy':
        return [{ ...kubernetes(known, policy, policy.kind), staged: true }];
      case 'GlobalNetworkPolicy':
      case 'StagedNetworkPolicy':
      case 'StagedGlobalNetworkPolicy':
        return [calico(known, policy)];
      case 'ClusterNetworkPolicy':
      case 'AdminNetworkPolicy':
      case 'BaselineAdminNetworkPolicy':
        return [clusterWide(known, policy)];
      default:
        return [];
    }
  });
}

/** 6.3.4 to 6.3.6, and 2.7: what every namespace and the profile of automatic host endpoints allow, or what a profile of Calico's says. */
export function profileRules(known: Surroundings, profile: string, direction: Direction): SlowRule[] {
  const isOpen =
    profile === 'projectcalico-default-allow' ||
    of(known.objects, 'Namespace').some(({ metadata }) => profile === `kns.${metadata.name}`);
  if (isOpen) return [{ action: 'Allow', index: 0, matches: () => true }];
  return ((givenProfile(known.objects, profile)?.spec?.[direction] ?? []) as PlainRule[]).map((rule, index) => ({
    action: rule.action === 'Pass' ? 'Deny' : rule.action,
    index,
    matches: (flow) => matches(known, rule, '', flow),
  }));
}

function named(kind: string, { name, namespace }: PlainObject['metadata']): { id: string; tie: string } {
  return {
    id: namespace === undefined ? `${kind}/${name}` : `${kind}/${namespace}/${name}`,
    tie: `${name}/${namespace ?? ''}/${kind}`,
  };
}

function calico(known: Surroundings, policy: PlainObject): SlowPolicy {
  const { kind, metadata, spec = {} } = policy;
  const scope = policyScope(policy);
  const written = (direction: Direction): PlainRule[] => (spec[direction] ?? []) as PlainRule[];
  const rules = (direction: Direction): SlowRule[] =>
    written(direction).map((rule, index) => ({
      action: rule.action,
      index,
      matches: (flow) => matches(known, rule, metadata.namespace ?? '', flow),
    }));
  return {
    object: policy,
    ...named(kind, metadata),
    tier: (spec['tier'] as string | undefined) ?? 'default',
    order: (spec['order'] as number | undefined) ?? Infinity,
    staged: kind.startsWith('Staged'),
    doNotTrack: spec['doNotTrack'] === true,
    preDNAT: spec['preDNAT'] === true,
    applyOnForward: spec['applyOnForward'] === true,
    directions: calicoDirections(spec['types'] as string[] | undefined, written('ingress'), written('egress')),
    rules: { ingress: rules('ingress'), egress: rules('egress') },
    scope: canonical(scope),
    appliesTo: ({ labels }) => holds(scope, labels),
  };
}

/** 6.2.1 and 6.2.2 */
function calicoDirections(types: string[] = [], ingress: PlainRule[], egress: PlainRule[]): Direction[] {
  if (types.length > 0) return (['ingress', 'egress'] as const).filter((one) => has(types, one));
  if (egress.length === 0) return ['ingress'];
  return ingress.length > 0 ? ['ingress', 'egress'] : ['egress'];
}

function has(types: string[], direction: Direction): boolean {
  return types.some((type) => type.toLowerCase() === direction);
}

/** 8.1.1, 8.1.2 and 8.2.1 */
function kubernetes(known: Surroundings, policy: PlainObject, kind: string): SlowPolicy {
  const { metadata, spec = {} } = policy;
  const types = (spec['policyTypes'] ?? []) as string[];
  const defaulted: Direction[] = ((spec['egress'] ?? []) as unknown[]).length > 0 ? ['ingress', 'egress'] : ['ingress'];
  return {
    object: policy,
    ...named(kind, metadata),
    tier: 'default',
    order: 1000,
    staged: false,
    doNotTrack: false,
    preDNAT: false,
    applyOnForward: false,
    directions: types.length === 0 ? defaulted : (['ingress', 'egress'] as const).filter((one) => has(types, one)),
    rules: {
      ingress: networkPolicyRules(known, policy, 'ingress'),
      egress: networkPolicyRules(known, policy, 'egress'),
    },
    scope: canonical(kubernetesScope(policy)),
    appliesTo: ({ is, namespace, labels }) =>
      is === 'pod' && namespace === metadata.namespace && selects((spec['podSelector'] ?? {}) as PlainSelector, labels),
  };
}

/**
 * 9.1, and 9.2.1 for the place of the stages among Calico's tiers. The two kinds of v1alpha1 stand in the tiers that Calico had for them
 * (6.1.6), under their own kind.
 */
function clusterWide(known: Surroundings, policy: PlainObject): SlowPolicy {
  const { kind, metadata, spec = {} } = policy;
  const rules = {
    ingress: clusterPolicyRules(known, policy, 'ingress'),
    egress: clusterPolicyRules(known, policy, 'egress'),
  };
  const { namespaces, pods } = spec['subject'] as PlainClusterPeer;
  return {
    object: policy,
    ...named(kind === 'ClusterNetworkPolicy' ? `Kubernetes${kind}` : kind, metadata),
    tier:
      kind === 'ClusterNetworkPolicy'
        ? spec['tier'] === 'Baseline'
          ? 'kube-baseline'
          : 'kube-admin'
        : kind.toLowerCase(),
    order: (spec['priority'] as number | undefined) ?? Infinity,
    staged: false,
    doNotTrack: false,
    preDNAT: false,
    applyOnForward: false,
    directions: (['ingress', 'egress'] as const).filter((direction) => rules[direction].length > 0),
    rules,
    scope: canonical(
      globalScope(podSelector(pods?.podSelector), namespaceSelector(namespaces ?? pods?.namespaceSelector ?? {}), ''),
    ),
    appliesTo: (item) => isSubjectOf(policy, item),
  };
}

export interface SlowTier {
  readonly name: string;
  readonly order: number;
  readonly action: 'Deny' | 'Pass';
  readonly exists: boolean;
}

/** 6.1.1, 6.1.6 and 6.3.3: those that exist, those that every cluster has, and those that policies name alone; in order. */
export function tiersOf(objects: readonly PlainObject[], policies: readonly SlowPolicy[]): SlowTier[] {
  const older = (kind: string, order: number): SlowTier[] => {
    const name = kind.toLowerCase();
    const isThere = objects.some(
      (object) => object.kind === kind || (object.kind === 'Tier' && object.metadata.name === name),
    );
    return isThere ? [{ name, order, action: 'Pass', exists: true }] : [];
  };
  const builtIn: SlowTier[] = [
    { name: 'kube-admin', order: 1000, action: 'Pass', exists: true },
    { name: 'default', order: 1_000_000, action: 'Deny', exists: true },
    { name: 'kube-baseline', order: 10_000_000, action: 'Pass', exists: true },
    ...older('AdminNetworkPolicy', 1000),
    ...older('BaselineAdminNetworkPolicy', 10_000_000),
  ];
  const written = of(objects, 'Tier').map(
    ({ metadata, spec }): SlowTier => ({
      name: metadata.name,
      order: (spec?.['order'] as number | undefined) ?? Infinity,
      action: spec?.['defaultAction'] === 'Pass' ? 'Pass' : 'Deny',
      exists: true,
    }),
  );
  const known = [...builtIn, ...written.filter(({ name }) => builtIn.every((tier) => tier.name !== name))];
  const missing = [...new Set(policies.map(({ tier }) => tier))]
    .filter((name) => known.every((tier) => tier.name !== name))
    .map((name): SlowTier => ({ name, order: Infinity, action: 'Deny', exists: false }));
  return [...known, ...missing].sort(
    (a, b) => Number(b.exists) - Number(a.exists) || byOrder(a.order, b.order) || byBytes(a.name, b.name),
  );
}

/** 6.1.2 */
export function comparePolicies(a: SlowPolicy, b: SlowPolicy): number {
  return byOrder(a.order, b.order) || byBytes(a.tie, b.tie);
}

function byOrder(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** 16.1 */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
