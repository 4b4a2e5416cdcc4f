import { compareUtf8 } from '../base/compare.ts';
import type { Endpoint, EndpointId, Policy, PolicyId, Rule, RuleSide } from '../inventory/model.ts';
import { serviceName } from '../inventory/service-slice.ts';
import type { Selector } from '../selector/selector.ts';
import type { Engine } from './engine.ts';
import { type Direction, type PolicyList, isSubject } from './selected-policies.ts';

/** A tier that holds for an endpoint, with its policies that select it, in order; other endpoints' lists may be the same arrays. */
export interface AppliedTier {
  readonly name: string;
  readonly defaultAction: 'Deny' | 'Pass';
  readonly ingress: readonly PolicyId[];
  readonly egress: readonly PolicyId[];
}

/** What decides about an endpoint's traffic, in the order in which it is asked. */
export interface AppliedPolicies {
  readonly tiers: AppliedTier[];
  /** Host endpoints that some such policy selects: asked before all others, without connection tracking. */
  readonly untrackedTiers?: AppliedTier[];
  /** The same: asked about what arrives, before its destination is translated. */
  readonly preDNATTiers?: AppliedTier[];
  /** The same: asked about what is forwarded, which without any policy for its direction here is allowed (semantics 7.6). */
  readonly forwardTiers?: AppliedTier[];
  /** Asked after the last tier. */
  readonly profiles: string[];
}

/** A rule whose source or destination is about an endpoint. */
export interface Mention {
  readonly endpoint: EndpointId;
  readonly policy: PolicyId;
  readonly direction: Direction;
  /** Index of the rule. */
  readonly rule: number;
  readonly side: 'source' | 'destination';
  /** Effective selector, canonical; empty where only named ports or a service limit the side. */
  readonly selector: string;
}

/**
 * Policies that apply to an endpoint (semantics 6.5.1), staged ones where they would stand; nothing for host-network pods and endpoints that
 * do not exist.
 */
export function policiesOf(engine: Engine, endpoint: EndpointId): AppliedPolicies {
  const tiers = (list?: PolicyList): AppliedTier[] =>
    engine.shownTiersOf(endpoint, list).map(({ tier, ingress, egress }) => ({
      name: tier.name,
      defaultAction: tier.defaultAction,
      ingress: idsOf(ingress),
      egress: idsOf(egress),
    }));
  const [untrackedTiers, preDNATTiers, forwardTiers] = [tiers('untracked'), tiers('preDNAT'), tiers('forward')];
  return {
    profiles: engine.appliesTo(endpoint) ? [...(engine.endpoints.get(endpoint)?.parents ?? [])] : [],
    tiers: tiers(),
    ...(untrackedTiers.length === 0 ? {} : { untrackedTiers }),
    ...(preDNATTiers.length === 0 ? {} : { preDNATTiers }),
    ...(forwardTiers.length === 0 ? {} : { forwardTiers }),
  };
}

/** By the list itself, which never changes and which endpoints have in common: one can have ten thousand policies. */
const IDS = new WeakMap<readonly Policy[], readonly PolicyId[]>();

function idsOf(policies: readonly Policy[]): readonly PolicyId[] {
  let ids = IDS.get(policies);
  if (ids === undefined) {
    ids = Object.freeze(policies.map(({ id }) => id));
    IDS.set(policies, ids);
  }
  return ids;
}

/** Whether a policy is shown and never enforced: kinds of staged policies say so in their name. */
export function isStaged(id: PolicyId): boolean {
  return id.startsWith('Staged');
}

/** A policy, enforced or staged. */
export function policyOf(engine: Engine, id: PolicyId): Policy | undefined {
  return engine.policies.get(id) ?? engine.staged.get(id);
}

/** Every policy, enforced or staged, in the order in which they stand. */
export function shownPolicies(engine: Engine): readonly Policy[] {
  return engine.shownOrder.sort([...engine.policies.values(), ...engine.staged.values()]);
}

/** Endpoints that a policy applies to, or would if it were enforced; sorted. */
export function endpointsOf(engine: Engine, policy: PolicyId): readonly EndpointId[] {
  const found = policyOf(engine, policy);
  if (found === undefined) return [];
  return [...engine.endpointsOf(found.appliesTo.id)].filter((id) => engine.appliesTo(id)).sort(compareUtf8);
}

/** Endpoints that a selector selects, sorted; host-network pods are none of cluster policy's (semantics 10.1). */
export function endpointsMatching(engine: Engine, selector: Selector): readonly EndpointId[] {
  return subjects(engine)
    .filter(({ labels }) => selector.matches(labels))
    .map(({ endpoint }) => endpoint.id)
    .sort(compareUtf8);
}

/**
 * Rules whose source or destination selects an endpoint, has one of its named ports or a service before it: by policy in order, then those of
 * profiles (semantics 6.5.2).
 */
export function mentions(engine: Engine, endpoint: EndpointId): readonly Mention[] {
  const found = subjects(engine).filter((subject) => subject.endpoint.id === endpoint);
  return [
    ...shownPolicies(engine),
    ...profilesInUse(engine).map((name) => ({ ...engine.profile(name), id: `Profile/${name}` })),
  ].flatMap((rules) => mentionsIn(engine, rules, found));
}

/** Names of the profiles that some endpoint has, whether or not they exist; sorted. */
export function profilesInUse(engine: Engine): readonly string[] {
  const names = new Set<string>();
  for (const endpoint of engine.endpoints.values())
    if (isSubject(endpoint)) for (const name of endpoint.parents) names.add(name);
  return [...names].sort(compareUtf8);
}

/** Endpoints that a policy's rules select, by rule. */
export function mentionedBy(engine: Engine, policy: PolicyId): readonly Mention[] {
  const found = policyOf(engine, policy);
  return found === undefined ? [] : mentionsIn(engine, found, subjects(engine));
}

interface Subject {
  readonly endpoint: Endpoint;
  readonly labels: ReadonlyMap<string, string>;
}

function subjects(engine: Engine): readonly Subject[] {
  return [...engine.endpoints.values()]
    .filter(isSubject)
    .sort((a, b) => compareUtf8(a.id, b.id))
    .map((endpoint) => ({ endpoint, labels: engine.labelsOf(endpoint) }));
}

function mentionsIn(
  engine: Engine,
  policy: Pick<Policy, 'id' | 'ingress' | 'egress'>,
  found: readonly Subject[],
): readonly Mention[] {
  const mention = (direction: Direction, rule: Rule): readonly Mention[] =>
    (['source', 'destination'] as const).flatMap((side) =>
      found
        .filter((subject) => isMentioned(rule[side], subject) || isBehind(engine, side, rule[side].services, subject))
        .map(({ endpoint }) => ({
          endpoint: endpoint.id,
          policy: policy.id,
          direction,
          rule: rule.index,
          side,
          selector: rule[side].selector?.canonical ?? '',
        })),
    );
  return (['ingress', 'egress'] as const).flatMap((direction) =>
    (policy[direction] ?? []).flatMap((rule) => mention(direction, rule)),
  );
}

/** Whether an endpoint is behind the service of a rule; behind a destination only where it serves a port (semantics 11.2). */
function isBehind(
  engine: Engine,
  side: Mention['side'],
  services: RuleSide['services'],
  { endpoint }: Subject,
): boolean {
  if (services === undefined) return false;
  const { addresses, ports } = engine.backendsOf(serviceName(services));
  const sets = side === 'source' ? [addresses] : ports.map((served) => served.addresses);
  return endpoint.addresses.some((address) => sets.some((set) => set.contains(address)));
}

function isMentioned(side: RuleSide, { endpoint, labels }: Subject): boolean {
  if (side.selector !== undefined) return side.selector.matches(labels);
  return side.ports?.names.some((name) => endpoint.ports.some((port) => port.name === name)) === true;
}
