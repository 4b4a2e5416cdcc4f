import {
  type AdminPeer,
  type AdminPods,
  type AdminPolicy,
  type AdminRule,
  type ReadableRule,
  resourceKey,
} from '../api/resource.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { labelSelectorNode } from '../selector/label-selector.ts';
import { selectorOf } from '../selector/selector.ts';
import { denyEverything } from './calico-policy.ts';
import { policySelector, sideSelectors } from './effective-selector.ts';
import { podNode, portsByProtocol } from './kubernetes-policy.ts';
import type { Policy, Rule, RuleSide } from './model.ts';
import { ANY_SIDE, directionsOf, ruleOf, sideOf } from './rule-shape.ts';

/**
 * A ClusterNetworkPolicy, AdminNetworkPolicy or BaselineAdminNetworkPolicy in Calico's terms (semantics 9.2): a global policy, one rule for
 * each protocol and peer, numbered anew. It takes part in a direction only if it has a rule for it. A subject that could not be read is
 * every pod.
 */
export function adminPolicy(policy: AdminPolicy): Policy {
  const ingress = convertRules('source', policy.ingress);
  const egress = convertRules('destination', policy.egress);
  return {
    id: resourceKey(policy),
    kind: policy.type,
    namespace: '',
    name: policy.name,
    tier: policy.tier,
    order: policy.order,
    place: policy.place,
    appliesTo: policySelector('', subjectSelectors(policy.subject.ok ? policy.subject.value : undefined)),
    directions: directionsOf(ingress.length > 0, egress.length > 0),
    ingress: ingress.length === 0 ? undefined : ingress,
    egress: egress.length === 0 ? undefined : egress,
    doNotTrack: false,
    preDNAT: false,
    applyOnForward: false,
  };
}

/** The subject's pods; the orchestrator term stands in every one (semantics 9.2.2). */
function subjectSelectors(subject: AdminPods | undefined) {
  return {
    selector: selectorOf(podNode(subject?.podSelector)),
    namespaceSelector: subject && selectorOf(labelSelectorNode(subject.namespaceSelector)),
  };
}

function convertRules(peerAt: 'source' | 'destination', written: readonly ReadableRule<AdminRule>[]): readonly Rule[] {
  const rules: Rule[] = [];
  for (const [place, readable] of written.entries()) {
    if (!readable.ok) {
      if (readable.action !== 'Allow') rules.push(denyEverything(rules.length, place));
      continue;
    }
    const { action, peers, ports: writtenPorts } = readable.rule;
    const sides = peers.map(peerSide);
    for (const { protocol, ports } of portsByProtocol(writtenPorts))
      for (const peer of sides) {
        const destination = peerAt === 'destination' ? peer : ANY_SIDE;
        rules.push(
          ruleOf({
            action,
            index: rules.length,
            written: place,
            protocol,
            source: peerAt === 'source' ? peer : ANY_SIDE,
            // Ports are always the destination's (semantics 8.2.8).
            destination: ports === undefined ? destination : sideOf({ ...destination, ports }),
            broken: false,
          }),
        );
      }
  }
  return rules;
}

/** A peer of whole namespaces has no pod term, so network sets of these namespaces are among its addresses (semantics 9.2.5). */
function peerSide(peer: AdminPeer): RuleSide {
  if (peer.kind === 'Networks') return sideOf({ nets: PrefixSet.of(peer.nets) });
  const { namespaceSelector, podSelector } = peer;
  const selectors = sideSelectors('', {
    nets: [],
    notNets: [],
    domains: [],
    namespaceSelector: selectorOf(labelSelectorNode(namespaceSelector)),
    ...(podSelector === undefined ? {} : { selector: selectorOf(podNode(podSelector)) }),
  });
  return sideOf(selectors);
}
