import { readResource } from '../api/read.ts';
import { type ResourceKey, resourceKey } from '../api/resource.ts';
import { unfoldList } from '../api/list.ts';
import { compareUtf8 } from '../base/compare.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { Inventory } from '../inventory/inventory.ts';
import { compareDiagnostics } from '../inventory/mistake.ts';
import type { EndpointId, PolicyId } from '../inventory/model.ts';
import { formatAddress } from '../ip/address.ts';
import { type Connection, connectionsOf } from './analysis/connections.ts';
import { type WorkloadId, workloadsOf } from './analysis/workload.ts';
import { Engine } from './engine.ts';
import { type IpSet, ipSetsOf } from './ip-sets.ts';
import { type Flow, packetOf } from './packet.ts';
import { type AppliedTier, policiesOf } from './queries.ts';
import { isSubject } from './selected-policies.ts';
import type { Verdict } from './verdict.ts';

/** A tier that holds for an endpoint, with its policies that select it, in order. */
export interface TierList {
  name: string;
  defaultAction: 'Deny' | 'Pass';
  ingress: PolicyId[];
  egress: PolicyId[];
}

/** An endpoint as policy sees it. */
export interface WorldEndpoint {
  id: EndpointId;
  ips: string[];
  profiles: string[];
  tiers: TierList[];
  /** Of host endpoints alone, each where a policy is in it (semantics 7.2). */
  untrackedTiers?: TierList[];
  preDNATTiers?: TierList[];
  forwardTiers?: TierList[];
}

/** A cluster at one moment, and what its policies do. */
export interface World {
  /** Every mistake in the objects; `error`: Calico or Kubernetes would refuse the object. */
  readonly diagnostics: readonly Diagnostic[];
  /** For questions that go deeper. */
  readonly engine: Engine;
  /**
   * Sorted by id; host-network pods are none. Staged policies are listed where they would stand, as Calico's calculation lists them: kinds that
   * begin with `Staged` decide nothing, and a tier with no other kind is skipped.
   */
  endpoints(): readonly WorldEndpoint[];
  /** What each policy applies to: its effective selector in canonical text. */
  policySelectors(): ReadonlyMap<PolicyId, string>;
  /** Every set of addresses that rules of active policies and profiles match on, sorted by uid. */
  ipSets(): readonly IpSet[];
  /** What people call endpoints by, e.g. `Deployment/shop/web`, with the ids of its endpoints; all sorted. */
  workloads(): ReadonlyMap<WorkloadId, readonly EndpointId[]>;
  /**
   * Everything that is allowed with an endpoint at one end or both, exactly and grouped by workload; sorted by bytes.
   * @throws SallyportError FLOW_SET_LIMIT for worlds with too many kinds of addresses to pair.
   */
  connections(): readonly Connection[];
  /** @throws SallyportError FLOW_INVALID if the flow cannot be read. */
  verdict(flow: Flow): Verdict;
}

/**
 * A world from plain API objects, lists among them, in any order. Calico's own rules hold for pod addresses: this answers what the cluster
 * does, not what a border may believe. An object that is given twice counts as it was given first.
 * @example loadWorld(objects).verdict({ src: '10.0.0.1', dst: '10.0.0.2', proto: 'TCP', dport: 443 }).allowed;
 */
export function loadWorld(resources: Iterable<unknown>): World {
  const inventory = new Inventory('Calico');
  const diagnostics: Diagnostic[] = [];
  const seen = new Set<ResourceKey>();
  for (const given of resources)
    for (const { item } of unfoldList(given) ?? [{ item: given }]) {
      const { resource, diagnostics: mistakes } = readResource(item, {});
      diagnostics.push(...mistakes);
      if (resource === undefined) continue;
      const key = resourceKey(resource);
      if (seen.has(key)) diagnostics.push(givenTwice(key));
      else inventory.apply({ kind: 'put', resource });
      seen.add(key);
    }
  const engine = new Engine(inventory);
  engine.flush();
  return worldOf(engine, [...diagnostics, ...inventory.diagnostics()]);
}

/** The world that an engine knows, as of its last flush. */
export function worldOf(engine: Engine, diagnostics: readonly Diagnostic[] = engine.inventory.diagnostics()): World {
  return {
    diagnostics: diagnostics.toSorted(compareDiagnostics),
    engine,
    endpoints: () =>
      [...engine.endpoints.values()]
        .filter(isSubject)
        .sort((a, b) => compareUtf8(a.id, b.id))
        .map(({ id, addresses }) => ({ id, ips: addresses.map(formatAddress), ...ownPoliciesOf(engine, id) })),
    policySelectors: () =>
      new Map(
        [...engine.policies.values(), ...engine.staged.values()]
          .sort((a, b) => compareUtf8(a.id, b.id))
          .map(({ id, appliesTo }) => [id, appliesTo.canonical]),
      ),
    ipSets: () => ipSetsOf(engine),
    workloads: () => workloadsOf(engine),
    connections: () => connectionsOf(engine),
    verdict: (flow) => engine.verdict(packetOf(flow)),
  };
}

/** The policies of an endpoint in arrays that are the caller's to change. */
function ownPoliciesOf(engine: Engine, endpoint: EndpointId): Omit<WorldEndpoint, 'id' | 'ips'> {
  const { profiles, tiers, untrackedTiers, preDNATTiers, forwardTiers } = policiesOf(engine, endpoint);
  const own = (lists: readonly AppliedTier[]): TierList[] =>
    lists.map((list) => ({ ...list, ingress: [...list.ingress], egress: [...list.egress] }));
  return {
    profiles,
    tiers: own(tiers),
    ...(untrackedTiers && { untrackedTiers: own(untrackedTiers) }),
    ...(preDNATTiers && { preDNATTiers: own(preDNATTiers) }),
    ...(forwardTiers && { forwardTiers: own(forwardTiers) }),
  };
}

function givenTwice(object: ResourceKey): Diagnostic {
  const message = 'the same object was given before; that one counts, remove this one';
  return { severity: 'error', code: 'MANIFEST_DUPLICATE', message, object, path: '' };
}
