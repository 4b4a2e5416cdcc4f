import { compareUtf8 } from '../base/compare.ts';
import type { ServiceBackends } from '../engine/backends.ts';
import type { Engine } from '../engine/engine.ts';
import { NAME_LABEL } from '../inventory/labels.ts';
import type { Rule, RuleSide } from '../inventory/model.ts';
import type { Facts } from './facts.ts';

/** The border's view of an engine and its inventory, as of the engine's last flush. */
export function factsOf(engine: Engine): Facts {
  const { inventory } = engine;
  const askedOutside = new Set<string>();
  const askedServices = new Map<string, ServiceBackends>();
  return {
    endpoints: () => engine.endpoints.values(),
    endpoint: (id) => engine.endpoints.get(id),
    matching: (id) => engine.matching(id),
    profileAllows: (endpoint) => letsOut(endpoint.parents.map((id) => engine.profile(id).egress)),
    outsideOf: (selector) => {
      askedOutside.add(selector.id);
      return engine.outsideOf(selector);
    },
    askedOutside,
    backendsOf: (service) => {
      const backends = engine.backendsOf(service);
      askedServices.set(service, backends);
      return backends;
    },
    askedServices,
    pools: byName(inventory.pools),
    nodes: inventory.nodes,
    felix: byName(inventory.felix),
    // Sorting tens of thousands of policies takes a while, and only a firewall that repeats tiers asks for them.
    get tiers() {
      return engine.order.tiers;
    },
    policiesOf: (tier) => engine.order.policiesOf(tier),
    namespaceLabels: (name) => {
      const namespace = inventory.namespaces.get(name);
      return namespace === undefined ? undefined : new Map([...namespace.labels, [NAME_LABEL, name]]);
    },
    firewalls: byName(inventory.borderFirewalls),
    clusterBorderPolicies: byName(inventory.clusterBorderPolicies),
    borderPolicies: byName(inventory.borderPolicies),
    addressGroups: byName(inventory.addressGroups),
    sourceNats: byName(inventory.sourceNats),
  };
}

function byName<V>(map: ReadonlyMap<string, V>): readonly V[] {
  return [...map].sort(([a], [b]) => compareUtf8(a, b)).map(([, value]) => value);
}

/** Whether the first rule of these profiles that is more than Log allows everything. A narrower one is no word that a border could take. */
function letsOut(profiles: readonly (readonly Rule[])[]): boolean {
  for (const rules of profiles)
    for (const rule of rules) if (rule.action !== 'Log') return rule.action === 'Allow' && isUnlimited(rule);
  return false;
}

function isUnlimited({
  action: _action,
  index: _index,
  broken: _broken,
  source,
  destination,
  ...match
}: Rule): boolean {
  return Object.values(match).every((limit) => limit === undefined) && [source, destination].every(isAnybody);
}

function isAnybody({ domains, ...side }: RuleSide): boolean {
  return domains.length === 0 && Object.values(side).every((limit) => limit === undefined);
}
