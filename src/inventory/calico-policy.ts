import {
  type CalicoEntity,
  type CalicoRule,
  type GlobalNetworkPolicy,
  type NetworkPolicy,
  type Profile,
  type ReadableRule,
  type StagedCalicoPolicy,
  resourceKey,
} from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { policySelector, sideSelectors } from './effective-selector.ts';
import { diagnosticOn } from './mistake.ts';
import type { Policy, Rule, RuleSide } from './model.ts';
import { ANY_SIDE, directionsOf, ruleOf, sideOf } from './rule-shape.ts';

/**
 * A Calico policy with its selectors made effective. What could not be read of it took its safe side when it was read
 * (`docs/decisions/0001`): here an unreadable selector is one that does not limit, an unreadable Allow rule is none, and an unreadable
 * Deny or Pass rule denies everything in its place.
 */
export function calicoPolicy(policy: NetworkPolicy | GlobalNetworkPolicy | StagedCalicoPolicy): Policy {
  const { spec } = policy;
  const rules = (direction: 'Ingress' | 'Egress', written: readonly ReadableRule<CalicoRule>[]) =>
    spec.types.includes(direction) ? convertRules(policy.namespace, written) : undefined;
  const idle = idleRules(policy.namespace, spec);
  return {
    id: resourceKey(policy),
    kind: policy.type,
    namespace: policy.namespace,
    name: policy.name,
    tier: spec.tier,
    order: spec.order,
    place: policy.place,
    appliesTo: policySelector(policy.namespace, {
      selector: spec.selector.ok ? spec.selector.value : undefined,
      namespaceSelector: spec.namespaceSelector.ok ? spec.namespaceSelector.value : undefined,
      serviceAccountSelector: spec.serviceAccountSelector.ok ? spec.serviceAccountSelector.value : undefined,
    }),
    directions: directionsOf(spec.types.includes('Ingress'), spec.types.includes('Egress')),
    ingress: rules('Ingress', spec.ingress),
    egress: rules('Egress', spec.egress),
    ...(idle.length === 0 ? {} : { idle }),
    doNotTrack: spec.doNotTrack,
    preDNAT: spec.preDNAT,
    applyOnForward: spec.applyOnForward,
  };
}

/** The lists of rules of a policy or profile, as they were read. */
type Written = Pick<NetworkPolicy['spec'], 'types' | 'ingress' | 'egress'>;

/** Readable rules that decide nothing (see `Policy.idle`). */
export function idleRules(namespace: string, spec: Written): readonly Rule[] {
  return (['Ingress', 'Egress'] as const).flatMap((direction) =>
    spec[direction === 'Ingress' ? 'ingress' : 'egress'].flatMap((readable, index) =>
      readable.ok && (readable.rule.http || !spec.types.includes(direction))
        ? [convertRule(namespace, readable.rule, index)]
        : [],
    ),
  );
}

/** Rules in effect; `namespace` is the policy's, `''` for global policies and profiles. */
export function convertRules(namespace: string, written: readonly ReadableRule<CalicoRule>[]): readonly Rule[] {
  const rules: Rule[] = [];
  for (const [index, readable] of written.entries()) {
    // Nothing below layer 7 can enforce an HTTP match.
    const usable = readable.ok && !readable.rule.http;
    const action = readable.ok ? readable.rule.action : readable.action;
    if (usable) rules.push(convertRule(namespace, readable.rule, index));
    else if (action === 'Deny' || action === 'Pass') rules.push(denyEverything(index));
  }
  return rules;
}

/** Stands in for a Deny or Pass that cannot be kept as it is written. */
export function denyEverything(index: number, written = index): Rule {
  return ruleOf({ action: 'Deny', index, written, source: ANY_SIDE, destination: ANY_SIDE, broken: true });
}

function convertRule(namespace: string, rule: CalicoRule, index: number): Rule {
  return ruleOf({
    action: rule.action,
    index,
    ipVersion: rule.ipVersion,
    protocol: rule.protocol?.number,
    notProtocol: rule.notProtocol?.number,
    icmp: rule.icmp,
    notIcmp: rule.notIcmp,
    source: convertSide(namespace, rule.source),
    destination: convertSide(namespace, rule.destination),
    broken: false,
  });
}

function convertSide(namespace: string, entity: CalicoEntity): RuleSide {
  return sideOf({
    ...(entity.nets.length === 0 ? {} : { nets: PrefixSet.of(entity.nets) }),
    ...(entity.notNets.length === 0 ? {} : { notNets: PrefixSet.of(entity.notNets) }),
    ...sideSelectors(namespace, entity),
    ports: entity.ports,
    notPorts: entity.notPorts,
    services: entity.services,
    domains: entity.domains,
  });
}

/** Readable rules that are not kept as they are written, and what stands in their place. */
export function calicoPolicyMistakes(policy: NetworkPolicy | GlobalNetworkPolicy): readonly Diagnostic[] {
  return httpMistakes(policy, policy.spec);
}

export function httpMistakes(
  object: NetworkPolicy | GlobalNetworkPolicy | Profile,
  written: Written,
): readonly Diagnostic[] {
  const mistakes: Diagnostic[] = [];
  for (const direction of ['ingress', 'egress'] as const) {
    if (!written.types.includes(direction === 'ingress' ? 'Ingress' : 'Egress')) continue;
    for (const [index, readable] of written[direction].entries()) {
      if (!readable.ok || !readable.rule.http) continue;
      const { action } = readable.rule;
      const instead =
        action === 'Allow' || action === 'Log' ? 'the rule is left out' : 'everything is denied in its place';
      const message = `an HTTP match cannot be enforced by addresses and ports; ${instead}`;
      mistakes.push(
        diagnosticOn(object, 'warning', 'HTTP_NOT_ENFORCEABLE', `spec.${direction}[${index}].http`, message),
      );
    }
  }
  return mistakes;
}
