import {
  type KubernetesNetworkPolicy,
  type KubernetesPeer,
  type KubernetesRule,
  type ReadableRule,
  type StagedKubernetesNetworkPolicy,
  resourceKey,
} from '../api/resource.ts';
import { compareUtf8 } from '../base/compare.ts';
import { Shared } from '../base/shared.ts';
import { PortSet } from '../ip/port-set.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { type LabelSelector, labelSelectorNode, labelSelectorTerms } from '../selector/label-selector.ts';
import { type SelectorNode, all, equal, join } from '../selector/node.ts';
import { selectorOf } from '../selector/selector.ts';
import { type SideSelectors, policySelector, sideSelectors } from './effective-selector.ts';
import { KUBERNETES, ORCHESTRATOR_LABEL } from './labels.ts';
import type { Policy, Rule, RuleSide } from './model.ts';
import { ANY_SIDE, ruleOf, sideOf } from './rule-shape.ts';
import { DEFAULT_TIER } from './tiers.ts';

/** The order of Kubernetes NetworkPolicies in the default tier. */
const ORDER = 1_000;
const OF_KUBERNETES = equal(ORCHESTRATOR_LABEL, KUBERNETES);
const NO_NAMES: readonly string[] = [];
/** Tens of thousands of policies come from a few templates: what is equal in them is one object. Nothing but memory depends on it. */
const POD_NODES = new Shared<SelectorNode>();
const PORTS = new Shared<readonly ProtocolPorts[]>();
const NUMBERS = { TCP: 6, UDP: 17, SCTP: 132 } as const;

/**
 * A Kubernetes NetworkPolicy in Calico's terms (semantics 8.2): Allow rules only, one for each protocol and peer, numbered anew. A pod
 * selector that could not be read selects the whole namespace.
 */
export function kubernetesPolicy(policy: KubernetesNetworkPolicy | StagedKubernetesNetworkPolicy): Policy {
  const { podSelector } = policy;
  const selector = selectorOf(sharedPodNode(podSelector.ok ? podSelector.value : undefined));
  const ingress = convertRules(policy.namespace, 'Ingress', policy.ingress);
  const egress = convertRules(policy.namespace, 'Egress', policy.egress);
  const takes = { ingress: policy.types.includes('Ingress'), egress: policy.types.includes('Egress') };
  const idle = [...(takes.ingress ? [] : ingress), ...(takes.egress ? [] : egress)];
  return {
    id: resourceKey(policy),
    kind: policy.type,
    namespace: policy.namespace,
    name: policy.name,
    tier: DEFAULT_TIER,
    order: ORDER,
    appliesTo: policySelector(policy.namespace, { selector }),
    ingress: takes.ingress ? ingress : undefined,
    egress: takes.egress ? egress : undefined,
    idle: idle.length === 0 ? undefined : idle,
    doNotTrack: false,
    preDNAT: false,
    applyOnForward: false,
  };
}

function convertRules(
  namespace: string,
  direction: 'Ingress' | 'Egress',
  written: readonly ReadableRule<KubernetesRule>[],
): readonly Rule[] {
  const rules: Rule[] = [];
  for (const [place, readable] of written.entries()) {
    if (!readable.ok) continue;
    const peers =
      readable.rule.peers.length === 0 ? [ANY_SIDE] : readable.rule.peers.map((peer) => peerSide(namespace, peer));
    for (const { protocol, ports } of portsByProtocol(readable.rule.ports)) {
      // Ports are always the destination's (semantics 8.2.8).
      const own = ports === undefined ? ANY_SIDE : sideOf({ ports });
      for (const peer of peers) {
        const far = ports === undefined || direction === 'Ingress' ? peer : sideOf({ ...peer, ports });
        const [source, destination] = direction === 'Ingress' ? [far, own] : [ANY_SIDE, far];
        const index = rules.length;
        rules.push(ruleOf({ action: 'Allow', index, written: place, protocol, source, destination, broken: false }));
      }
    }
  }
  // Exactly as long as it is: one that grew has room to grow on.
  return rules.slice();
}

/** An `ipBlock` stands alone; a peer of selectors always has the orchestrator term, which keeps host endpoints and network sets out. */
function peerSide(namespace: string, peer: KubernetesPeer): RuleSide {
  if (peer.podSelector === undefined && peer.namespaceSelector === undefined) {
    if (peer.ipBlock === undefined) return ANY_SIDE;
    const { cidr, except } = peer.ipBlock;
    return sideOf({
      nets: PrefixSet.of([cidr]),
      ...(except.length === 0 ? {} : { notNets: PrefixSet.of(except) }),
    });
  }
  const selectors: SideSelectors = sideSelectors(namespace, {
    nets: [],
    notNets: [],
    domains: [],
    selector: selectorOf(sharedPodNode(peer.podSelector)),
    ...(peer.namespaceSelector === undefined
      ? {}
      : { namespaceSelector: selectorOf(labelSelectorNode(peer.namespaceSelector)) }),
  });
  return sideOf(selectors);
}

/** The pods that a Kubernetes selector selects; the orchestrator term keeps host endpoints and network sets out (semantics 8.2.2). */
export function podNode(selector: LabelSelector | undefined): SelectorNode {
  const terms = selector === undefined ? [] : labelSelectorTerms(selector);
  return join('and', [OF_KUBERNETES, ...terms], all());
}

/** The same, and one tree for all policies that name the same one label, as most do. */
function sharedPodNode(selector: LabelSelector | undefined): SelectorNode {
  if (selector === undefined) return OF_KUBERNETES;
  if (selector.matchLabels.size !== 1 || selector.matchExpressions.length > 0) return podNode(selector);
  const [[key, value] = ['', '']] = selector.matchLabels;
  return POD_NODES.get(`${key.length} ${key}${value}`, () => podNode(selector));
}

/** A port as Kubernetes policies write it; without a protocol only as a name, which then stands for any protocol. */
interface WrittenPort {
  readonly protocol?: keyof typeof NUMBERS;
  readonly port?: number | string;
  readonly endPort?: number;
}

interface ProtocolPorts {
  readonly protocol?: number;
  readonly ports?: { readonly numbers: PortSet; readonly names: readonly string[] };
}

/**
 * Protocols by name, none before all others; an entry without a port means all ports of its protocol and absorbs the others (semantics
 * 8.2.6 and 9.2.4).
 */
export function portsByProtocol(written: readonly WrittenPort[]): readonly ProtocolPorts[] {
  if (written.length === 0) return ANY_PORTS;
  const { protocol = '', port, endPort = port } = written[0] ?? {};
  if (written.length > 1 || typeof port !== 'number') return grouped(written);
  return PORTS.get(`${protocol} ${port} ${endPort}`, () => grouped(written));
}

const ANY_PORTS: readonly ProtocolPorts[] = [{}];

function grouped(written: readonly WrittenPort[]): readonly ProtocolPorts[] {
  // Sorted as texts: `sort` puts what is undefined last, whatever it is told.
  const protocols = [...new Set(written.map(({ protocol }) => protocol ?? ''))].sort(compareUtf8);
  return protocols.map((protocol) => {
    const entries = written.filter((entry) => (entry.protocol ?? '') === protocol);
    const number = protocol === '' ? {} : { protocol: NUMBERS[protocol] };
    if (entries.some(({ port }) => port === undefined)) return number;
    const ranges: [number, number][] = [];
    const names: string[] = [];
    for (const { port, endPort } of entries) {
      if (typeof port === 'number') ranges.push([port, endPort ?? port]);
      else if (port !== undefined) names.push(port);
    }
    return {
      ...number,
      ports: {
        numbers: PortSet.of(...ranges),
        names: names.length === 0 ? NO_NAMES : [...new Set(names)].sort(compareUtf8),
      },
    };
  });
}
