import type {
  PlainClusterPeer,
  PlainClusterRule,
  PlainFlow,
  PlainKubernetesRule,
  PlainObject,
  PlainPeer,
  PlainSelector,
} from './plain-objects.ts';
import { inNet } from './slow-address.ts';
import { type Item, type Labels, itemsAt, numberOf, plain } from './slow-items.ts';
import type { Surroundings } from './slow-match.ts';

// The policies of Kubernetes by their own API's words (policy semantics 8.1 and 9.1), numbered as Calico's conversion would (8.2.6, 9.2.4):
// one rule for each protocol and peer.

export interface SlowRule {
  readonly action: 'Allow' | 'Deny' | 'Pass' | 'Log';
  readonly index: number;
  matches(flow: PlainFlow): boolean;
}

type Direction = 'ingress' | 'egress';

/** 8.1 */
export function networkPolicyRules(known: Surroundings, policy: PlainObject, direction: Direction): SlowRule[] {
  const namespace = policy.metadata.namespace ?? '';
  let index = 0;
  return ((policy.spec?.[direction] ?? []) as PlainKubernetesRule[]).flatMap((rule) => {
    const peers = (direction === 'ingress' ? rule.from : rule.to) ?? [];
    const ports = rule.ports ?? [];
    const protocols: (string | undefined)[] =
      ports.length === 0 ? [undefined] : [...new Set(ports.map(({ protocol = 'TCP' }) => protocol))].sort();
    return protocols.flatMap((protocol) =>
      (peers.length === 0 ? [undefined] : peers).map((peer) => ({
        action: 'Allow' as const,
        index: index++,
        matches: (flow: PlainFlow) =>
          (protocol === undefined ||
            (numberOf(protocol) === numberOf(flow.proto) &&
              ports.some(
                (port) =>
                  (port.protocol ?? 'TCP') === protocol &&
                  isPort(known, port, flow, direction === 'ingress' ? ANYBODY : among(peer, namespace)),
              ))) &&
          (peer === undefined || isPeer(known, peer, namespace, direction === 'ingress' ? flow.src : flow.dst)),
      })),
    );
  });
}

type Test = (item: Item) => boolean;
const ANYBODY: Test = () => true;

/** 8.1.5. A name is one of the pods that the peer means, where the peer is the destination (5.1). */
function isPort(
  known: Surroundings,
  port: NonNullable<PlainKubernetesRule['ports']>[number],
  flow: PlainFlow,
  whose: Test,
): boolean {
  const number = flow.dport ?? 0;
  if (port.port === undefined) return true;
  if (typeof port.port === 'number') return number >= port.port && number <= (port.endPort ?? port.port);
  return isNamedPort(known, port.port, flow, whose);
}

/** On the destination, pod by pod (8.3). */
function isNamedPort({ items }: Surroundings, name: string, flow: PlainFlow, whose: Test): boolean {
  return itemsAt(items, flow.dst)
    .filter(whose)
    .some(({ ports }) =>
      ports.some((own) => own.name === name && own.protocol === numberOf(flow.proto) && own.port === flow.dport),
    );
}

/** 8.1.4 */
function isPeer({ items }: Surroundings, peer: PlainPeer, namespace: string, address: string): boolean {
  if (peer.ipBlock !== undefined)
    return inNet(address, peer.ipBlock.cidr) && !(peer.ipBlock.except ?? []).some((except) => inNet(address, except));
  return itemsAt(items, address).some(among(peer, namespace));
}

/** The pods that a peer means; one of addresses means no pods of its own. */
function among(peer: PlainPeer | undefined, namespace: string): Test {
  if (peer === undefined || peer.ipBlock !== undefined) return ANYBODY;
  return (item) =>
    item.is === 'pod' &&
    selects(peer.podSelector ?? {}, item.labels) &&
    (peer.namespaceSelector === undefined
      ? item.namespace === namespace
      : selects(peer.namespaceSelector, item.labels, 'pcns.'));
}

/** 9.1.6: a subject of a cluster-wide policy is a pod, never one of the host's network. */
export function isSubjectOf({ spec = {} }: PlainObject, item: Item): boolean {
  const subject = (spec['subject'] ?? {}) as PlainClusterPeer;
  return item.is === 'pod' && isNamed(subject, item);
}

function isNamed({ namespaces, pods }: PlainClusterPeer, { labels }: Item): boolean {
  if (namespaces !== undefined) return selects(namespaces, labels, 'pcns.');
  return (
    pods !== undefined &&
    selects(pods.namespaceSelector ?? {}, labels, 'pcns.') &&
    selects(pods.podSelector ?? {}, labels)
  );
}

/** 9.1.3, 9.1.7 to 9.1.9. A rule with a peer that cannot be read takes its safe side (9.1.8). */
export function clusterPolicyRules(known: Surroundings, policy: PlainObject, direction: Direction): SlowRule[] {
  let index = 0;
  return ((policy.spec?.[direction] ?? []) as PlainClusterRule[]).flatMap((rule): SlowRule[] => {
    const peers = (direction === 'ingress' ? rule.from : rule.to) ?? [];
    const action = rule.action === 'Accept' ? 'Allow' : rule.action;
    if (peers.some(({ namespaces, pods, networks }) => (namespaces ?? pods ?? networks) === undefined))
      return action === 'Allow' ? [] : [{ action: 'Deny', index: index++, matches: () => true }];
    return groupsOf(known, rule).flatMap((isProtocol) =>
      peers.map((peer) => ({
        action,
        index: index++,
        matches: (flow: PlainFlow) =>
          isProtocol(flow, direction === 'ingress' ? ANYBODY : amongCluster(peer)) &&
          isClusterPeer(known, peer, direction === 'ingress' ? flow.src : flow.dst),
      })),
    );
  });
}

/**
 * 9.1.6 and 9.1.7. A `namespaces` peer reaches further in Calico than in the words of the API (9.2.5): also the network sets of those
 * namespaces, and by a negative expression whatever has no namespace. The engine is Calico's, so that is what is meant here.
 */
function isClusterPeer({ items }: Surroundings, peer: PlainClusterPeer, address: string): boolean {
  if (peer.networks !== undefined) return peer.networks.some((net) => inNet(address, net));
  return itemsAt(items, address).some(amongCluster(peer));
}

function amongCluster(peer: PlainClusterPeer): Test {
  const { namespaces, networks } = peer;
  if (networks !== undefined) return ANYBODY;
  if (namespaces === undefined) return (item) => item.is === 'pod' && isNamed(peer, item);
  return ({ labels }) => selects(namespaces, labels, 'pcns.');
}

type IsProtocol = (flow: PlainFlow, whose: Test) => boolean;

/** Named ports first, then by protocol (9.2.4); none at all is all traffic. */
function groupsOf(known: Surroundings, { protocols = [], ports = [] }: PlainClusterRule): IsProtocol[] {
  const groups = new Map<string, IsProtocol[]>();
  const add = (protocol: string, test: IsProtocol): unknown =>
    groups.set(protocol, [...(groups.get(protocol) ?? []), test]);
  const within = (protocol: string, low: number, high: number): unknown =>
    add(protocol, ({ proto, dport = 0 }) => numberOf(proto) === numberOf(protocol) && dport >= low && dport <= high);
  for (const { destinationNamedPort: name, ...rest } of protocols) {
    if (name !== undefined) add('', (flow, whose) => isNamedPort(known, name, flow, whose));
    for (const [protocol, { destinationPort }] of Object.entries(rest)) {
      const { number, range } = destinationPort ?? {};
      if (number === undefined && range === undefined)
        add(protocol.toUpperCase(), ({ proto }) => numberOf(proto) === numberOf(protocol));
      else within(protocol.toUpperCase(), number ?? range?.start ?? 0, number ?? range?.end ?? 0);
    }
  }
  for (const { portNumber, portRange, namedPort } of ports) {
    if (namedPort !== undefined) add('', (flow, whose) => isNamedPort(known, namedPort, flow, whose));
    if (portNumber !== undefined) within(portNumber.protocol ?? 'TCP', portNumber.port, portNumber.port);
    if (portRange !== undefined) within(portRange.protocol ?? 'TCP', portRange.start, portRange.end);
  }
  if (groups.size === 0) return [() => true];
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([, tests]) =>
        (flow, whose) =>
          tests.some((test) => test(flow, whose)),
    );
}

/**
 * 8.1.6. Of namespaces with a prefix; an empty selector of namespaces is one of whatever is in a namespace.
 */
export function selects(selector: PlainSelector, labels: Labels, prefix = ''): boolean {
  if (prefix !== '' && plain(selector.matchLabels).length + (selector.matchExpressions ?? []).length === 0)
    return labels.has('projectcalico.org/namespace');
  return (
    plain(selector.matchLabels).every(([key, value]) => labels.get(prefix + key) === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels.get(prefix + key);
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const found = value !== undefined && values.includes(value);
      return operator === 'In' ? found : !found;
    })
  );
}
