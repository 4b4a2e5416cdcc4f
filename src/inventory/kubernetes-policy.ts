import {
  type KubernetesNetworkPolicy,
  type KubernetesPeer,
  type KubernetesRule,
  type ReadableRule,
  type StagedKubernetesNetworkPolicy,
  resourceKey,
} from '../api/resource.ts';
import { compareUtf8 } from '../base/compare.ts';
import type { Place } from '../base/diagnostic.ts';
import { Shared } from '../base/shared.ts';
import { PortSet } from '../ip/port-set.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { type LabelSelector, labelSelectorNode, labelSelectorTerms } from '../selector/label-selector.ts';
import { type SelectorNode, all, equal, join } from '../selector/node.ts';
import type { Selector } from '../selector/selector.ts';
import { podsOfPeer, podsOfPolicy } from './effective-selector.ts';
import { KUBERNETES, ORCHESTRATOR_LABEL } from './labels.ts';
import type { Directions, Policy, PolicyId, Rule, RuleSide, Staged } from './model.ts';
import { ANY_SIDE, directionsOf, ruleOf, sideOf } from './rule-shape.ts';
import { DEFAULT_TIER } from './tiers.ts';

/** The order of Kubernetes NetworkPolicies in the default tier. */
const ORDER = 1_000;
const OF_KUBERNETES = equal(ORCHESTRATOR_LABEL, KUBERNETES);
const NO_NAMES: readonly string[] = [];
/** Tens of thousands of policies come from a few templates: what is equal in them is one object. Nothing but memory depends on it. */
const POD_NODES = new Shared<SelectorNode>();
const PORTS = new Shared<readonly ProtocolPorts[]>();
const NUMBERS = { TCP: 6, UDP: 17, SCTP: 132 } as const;

/** Selectors of peers that name namespaces: they are the same in all policies from one template. */
const PEERS = new Shared<Selector>();

type Written = KubernetesNetworkPolicy | StagedKubernetesNetworkPolicy;

/**
 * A Kubernetes NetworkPolicy in Calico's terms (semantics 8.2): Allow rules only, one for each protocol and peer, numbered anew. A pod
 * selector that could not be read selects the whole namespace.
 */
export function kubernetesPolicy(written: Written, staged?: Staged): Policy {
  return new ConvertedPolicy(written, staged);
}

/** The rules of a policy, made from what is written. */
type Rules = Pick<Policy, 'ingress' | 'egress' | 'idle'>;

/**
 * Its rules are made when they are first read. Which endpoints they select is known before; in a cluster with tens of thousands of
 * policies few are ever asked for what they decide.
 */
class ConvertedPolicy implements Policy {
  readonly id: PolicyId;
  readonly appliesTo: Selector;
  readonly directions: Directions;
  readonly selectors: readonly Selector[];
  readonly staged: Staged | undefined;
  readonly #written: Written;
  #rules: Rules | undefined;

  constructor(written: Written, staged: Staged | undefined) {
    const { namespace, podSelector, types } = written;
    this.id = resourceKey(written);
    this.appliesTo = podsOfPolicy(namespace, sharedPodNode(podSelector.ok ? podSelector.value : undefined));
    this.directions = directionsOf(types.includes('Ingress'), types.includes('Egress'));
    const ingress = this.directions.ingress ? written.ingress : NO_RULES;
    const egress = this.directions.egress ? written.egress : NO_RULES;
    this.selectors = ingress.length + egress.length === 0 ? NO_SELECTORS : peerSelectors(namespace, ingress, egress);
    this.staged = staged;
    this.#written = written;
  }

  get kind(): string {
    return this.#written.type;
  }

  get namespace(): string {
    return this.#written.namespace;
  }

  get name(): string {
    return this.#written.name;
  }

  get place(): Place {
    return this.#written.place;
  }

  get tier(): string {
    return DEFAULT_TIER;
  }

  get order(): number {
    return ORDER;
  }

  get ingress(): readonly Rule[] | undefined {
    return (this.#rules ??= this.#makeRules()).ingress;
  }

  get egress(): readonly Rule[] | undefined {
    return (this.#rules ??= this.#makeRules()).egress;
  }

  get idle(): readonly Rule[] | undefined {
    return (this.#rules ??= this.#makeRules()).idle;
  }

  get doNotTrack(): boolean {
    return false;
  }

  get preDNAT(): boolean {
    return false;
  }

  get applyOnForward(): boolean {
    return false;
  }

  #makeRules(): Rules {
    const { namespace, ingress, egress } = this.#written;
    const takes = this.directions;
    let next = 0;
    const known = (): Selector => this.selectors[next++] as Selector;
    const fresh = (peer: KubernetesPeer): Selector => peerSelector(namespace, peer);
    // In the order of `selectors`.
    const incoming = convertRules('Ingress', ingress, takes.ingress ? known : fresh);
    const outgoing = convertRules('Egress', egress, takes.egress ? known : fresh);
    const idle = [...(takes.ingress ? [] : incoming), ...(takes.egress ? [] : outgoing)];
    return {
      ingress: takes.ingress ? incoming : undefined,
      egress: takes.egress ? outgoing : undefined,
      idle: idle.length === 0 ? undefined : idle,
    };
  }
}

type WrittenRules = readonly ReadableRule<KubernetesRule>[];

const NO_RULES: WrittenRules = [];
const NO_SELECTORS: readonly Selector[] = [];

/** The selectors of all peers that have one, in order. */
function peerSelectors(namespace: string, ...directions: readonly WrittenRules[]): readonly Selector[] {
  const selectors: Selector[] = [];
  for (const rules of directions)
    for (const readable of rules)
      if (readable.ok)
        for (const peer of readable.rule.peers) if (hasSelector(peer)) selectors.push(peerSelector(namespace, peer));
  // Exactly as long as it is: one that grew has room to grow on.
  return selectors.slice();
}

/** `selectorFor`: is asked for each peer that has a selector, once and in order. */
function convertRules(
  direction: 'Ingress' | 'Egress',
  written: WrittenRules,
  selectorFor: (peer: KubernetesPeer) => Selector,
): readonly Rule[] {
  const rules: Rule[] = [];
  for (const [place, readable] of written.entries()) {
    if (!readable.ok) continue;
    const peers =
      readable.rule.peers.length === 0 ? [ANY_SIDE] : readable.rule.peers.map((peer) => peerSide(peer, selectorFor));
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
  return rules.slice();
}

function peerSide(peer: KubernetesPeer, selectorFor: (peer: KubernetesPeer) => Selector): RuleSide {
  if (hasSelector(peer)) return sideOf({ selector: selectorFor(peer) });
  if (peer.ipBlock === undefined) return ANY_SIDE;
  const { cidr, except } = peer.ipBlock;
  return sideOf({
    nets: PrefixSet.of([cidr]),
    ...(except.length === 0 ? {} : { notNets: PrefixSet.of(except) }),
  });
}

/** An `ipBlock` stands alone. */
function hasSelector({ podSelector, namespaceSelector }: KubernetesPeer): boolean {
  return podSelector !== undefined || namespaceSelector !== undefined;
}

/** A peer of selectors always has the orchestrator term, which keeps host endpoints and network sets out. */
function peerSelector(namespace: string, { podSelector, namespaceSelector }: KubernetesPeer): Selector {
  const pods = sharedPodNode(podSelector);
  return namespaceSelector === undefined
    ? podsOfPeer(namespace, pods, undefined)
    : peerOfNamespaces(pods, podSelector, namespaceSelector);
}

function peerOfNamespaces(
  pods: SelectorNode,
  podSelector: LabelSelector | undefined,
  namespaceSelector: LabelSelector,
): Selector {
  const podKey = keyOf(podSelector);
  const namespaceKey = keyOf(namespaceSelector);
  const made = (): Selector => podsOfPeer('', pods, labelSelectorNode(namespaceSelector));
  return podKey === undefined || namespaceKey === undefined
    ? made()
    : PEERS.get(`${podKey.length} ${podKey}${namespaceKey}`, made);
}

/** What stands for a selector of at most one label, no other having it; `undefined` for those that say more. */
function keyOf(selector: LabelSelector | undefined): string | undefined {
  if (selector === undefined) return '';
  if (selector.matchLabels.size > 1 || selector.matchExpressions.length > 0) return undefined;
  for (const [key, value] of selector.matchLabels) return `${key.length} ${key}${value}`;
  return '';
}

/** The pods that a Kubernetes selector selects; the orchestrator term keeps host endpoints and network sets out (semantics 8.2.2). */
export function podNode(selector: LabelSelector | undefined): SelectorNode {
  const terms = selector === undefined ? [] : labelSelectorTerms(selector);
  return join('and', [OF_KUBERNETES, ...terms], all());
}

/** The same, and one tree for all policies that name the same one label, as most do. */
function sharedPodNode(selector: LabelSelector | undefined): SelectorNode {
  const key = keyOf(selector);
  if (key === undefined) return podNode(selector);
  return key === '' ? OF_KUBERNETES : POD_NODES.get(key, () => podNode(selector));
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
