import type {
  PlainClusterPeer,
  PlainClusterRule,
  PlainEntity,
  PlainKubernetesRule,
  PlainObject,
  PlainRule,
} from './plain-objects.ts';
import { addressText, blockOf, blockText } from './slow-address.ts';
import { type Item, givenProfile, itemsOf, numberOf } from './slow-items.ts';
import { isAddress, slicesOf } from './slow-match.ts';
import { byBytes, policiesOf } from './slow-policies.ts';
import { entityScope, namespaceSelector, podSelector } from './slow-scope.ts';
import { canonical, holds, idOf } from './slow-selector.ts';

// The sets of addresses that rules match on, with their ids and members (policy semantics 4), from the objects alone. Here Kubernetes' own
// policies are taken as Calico converts them (8.2, 9.2), since the sets are Calico's.

export interface SlowSet {
  uid: string;
  selector: string;
  namedPort?: string;
  namedPortProtocol?: string;
  members: string[];
}

type Side = Pick<
  PlainEntity,
  'selector' | 'notSelector' | 'namespaceSelector' | 'serviceAccounts' | 'services' | 'ports' | 'notPorts'
>;
interface Converted {
  readonly protocol?: string | number;
  readonly source: Side;
  readonly destination: Side;
}

/** 4.1, sorted by uid. A policy is active while it applies to an endpoint, a profile while an endpoint has it. */
export function ipSetsOf(objects: readonly PlainObject[]): SlowSet[] {
  const items = itemsOf(objects);
  const endpoints = items.filter(({ is }) => is !== 'set');
  const sets = new Map<string, SlowSet>();
  const take = (namespace: string, { protocol, source, destination }: Converted): void => {
    for (const [side, withPorts] of [
      [source, false],
      [destination, true],
    ] as const)
      for (const set of setsOfSide(objects, items, side, withPorts, namespace, protocol)) sets.set(set.uid, set);
  };
  for (const policy of policiesOf({ objects, items }))
    if (endpoints.some((item) => policy.appliesTo(item)))
      for (const rule of converted(policy.object)) take(policy.object.metadata.namespace ?? '', rule);
  for (const profile of new Set(endpoints.flatMap(({ profiles }) => profiles))) {
    const object = givenProfile(objects, profile);
    if (object !== undefined) for (const rule of converted(object)) take('', rule);
  }
  return [...sets.values()].sort((a, b) => byBytes(a.uid, b.uid));
}

function setsOfSide(
  objects: readonly PlainObject[],
  items: readonly Item[],
  side: Side,
  isDestination: boolean,
  namespace: string,
  protocol: string | number | undefined,
): SlowSet[] {
  const { positive, negative } = entityScope(side, namespace);
  const ports = (side.ports ?? []).map(String);
  const isName = (entry: string): boolean => !/^\d+(:\d+)?$/.test(entry);
  // 5.1
  const folded = ports.length > 0 && ports.every(isName);
  const names = [...ports, ...(side.notPorts ?? []).map(String)].filter(isName);
  return [
    ...(side.services === undefined ? [] : [serviceSet(objects, side.services, namespace, isDestination)]),
    ...(positive === '' || folded ? [] : [selectorSet(items, positive)]),
    ...(negative === '' ? [] : [selectorSet(items, negative)]),
    ...names.map((name) => namedPortSet(items, positive, name, protocol)),
  ];
}

/** 4.2 to 4.4 */
function selectorSet(items: readonly Item[], text: string): SlowSet {
  const selector = canonical(text);
  const members = items
    .filter(({ labels }) => holds(text, labels))
    .flatMap(({ addresses, nets }) => [...addresses, ...nets].flatMap(blocks));
  return { uid: idOf('s', selector), selector, members: sorted(members) };
}

function blocks(text: string): string[] {
  const block = blockOf(text);
  if (block.length > 0) return [blockText(block)];
  const middle = block.last / 2n + 1n;
  return [block.first, middle].map((first) => `${addressText(block.family, first)}/1`);
}

/** 4.5 and 4.6 */
function namedPortSet(
  items: readonly Item[],
  text: string,
  namedPort: string,
  protocol: string | number | undefined,
): SlowSet {
  const selector = canonical(text);
  const number = protocol === undefined ? undefined : numberOf(protocol);
  const word = number === undefined ? 'any' : (WORDS[number] ?? 'tcp');
  const members = items
    .filter(({ labels }) => holds(text, labels))
    .flatMap(({ addresses, ports }) =>
      ports
        .filter((own) => own.name === namedPort && (word === 'any' || WORDS[own.protocol] === word))
        .flatMap((own) => addresses.map((address) => `${addressOf(address)},${WORDS[own.protocol]}:${own.port}`)),
    );
  const uid = idOf('n', `${idOf('s', selector)},${word},${namedPort}`);
  return { uid, selector, namedPort, namedPortProtocol: word, members: sorted(members) };
}

const WORDS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };

/** 11.2 */
function serviceSet(
  objects: readonly PlainObject[],
  service: { name: string; namespace?: string },
  namespace: string,
  withPorts: boolean,
): SlowSet {
  const members = slicesOf(objects, service, namespace).flatMap(({ endpoints = [], ports = [] }) =>
    endpoints
      .flatMap(({ addresses }) => addresses.filter(isAddress))
      .flatMap((address) =>
        withPorts
          ? ports.flatMap(({ port, protocol = 'TCP' }) =>
              port === undefined ? [] : [`${addressOf(address)},${protocol.toLowerCase()}:${port}`],
            )
          : blocks(address),
      ),
  );
  const name = `${service.namespace ?? namespace}/${service.name}`;
  return { uid: idOf(withPorts ? 'svc' : 'svcnoport', name), selector: '', members: sorted(members) };
}

function addressOf(text: string): string {
  const { family, first } = blockOf(text);
  return addressText(family, first);
}

function sorted(members: readonly string[]): string[] {
  return [...new Set(members)].sort(byBytes);
}

/** The rules of both directions, those that the policy takes no part in as well. */
function converted({ apiVersion, kind, spec = {} }: PlainObject): Converted[] {
  const lists = (['ingress', 'egress'] as const).map((direction) => [direction, spec[direction] ?? []] as const);
  if (kind.endsWith('AdminNetworkPolicy') || kind === 'ClusterNetworkPolicy')
    return lists.flatMap(([direction, rules]) =>
      (rules as PlainClusterRule[]).flatMap((rule) => clusterRules(rule, direction === 'ingress')),
    );
  if (apiVersion === 'networking.k8s.io/v1' || kind === 'StagedKubernetesNetworkPolicy')
    return lists.flatMap(([direction, rules]) =>
      (rules as PlainKubernetesRule[]).flatMap((rule) => kubernetesRules(rule, direction === 'ingress')),
    );
  return lists.flatMap(([, rules]) =>
    (rules as PlainRule[]).map(({ protocol, source = {}, destination = {} }) => ({
      ...(protocol === undefined ? {} : { protocol }),
      source,
      destination,
    })),
  );
}

/** 8.2.3 to 8.2.8 */
function kubernetesRules(rule: PlainKubernetesRule, isIngress: boolean): Converted[] {
  const peers = ((isIngress ? rule.from : rule.to) ?? []).map(
    (peer): Side =>
      peer.ipBlock !== undefined
        ? {}
        : {
            selector: podSelector(peer.podSelector),
            ...(peer.namespaceSelector === undefined
              ? {}
              : { namespaceSelector: namespaceSelector(peer.namespaceSelector) }),
          },
  );
  const ports = rule.ports ?? [];
  const groups: Pick<Converted, 'protocol' | 'destination'>[] =
    ports.length === 0
      ? [{ destination: {} }]
      : [...new Set(ports.map(({ protocol = 'TCP' }) => protocol))].map((protocol) => {
          const own = ports.filter((port) => (port.protocol ?? 'TCP') === protocol);
          const all = own.some(({ port }) => port === undefined);
          return { protocol, destination: all ? {} : { ports: own.flatMap(({ port }) => port ?? []) } };
        });
  return crossed(groups, peers, isIngress);
}

/** 9.2.4 to 9.2.7 */
function clusterSide(peer: PlainClusterPeer): Side {
  if (peer.namespaces !== undefined) return { namespaceSelector: namespaceSelector(peer.namespaces) };
  if (peer.pods === undefined) return {};
  return {
    selector: podSelector(peer.pods.podSelector),
    namespaceSelector: namespaceSelector(peer.pods.namespaceSelector ?? {}),
  };
}

function clusterRules(rule: PlainClusterRule, isIngress: boolean): Converted[] {
  const peers = (isIngress ? rule.from : rule.to) ?? [];
  if (peers.some(({ namespaces, pods, networks }) => (namespaces ?? pods ?? networks) === undefined)) return [];
  const names = [
    ...(rule.protocols ?? []).flatMap(({ destinationNamedPort }) => destinationNamedPort ?? []),
    ...(rule.ports ?? []).flatMap(({ namedPort }) => namedPort ?? []),
  ];
  const others = [
    ...(rule.protocols ?? []).filter(({ destinationNamedPort }) => destinationNamedPort === undefined),
    ...(rule.ports ?? []).filter(({ namedPort }) => namedPort === undefined),
  ];
  const groups: Pick<Converted, 'protocol' | 'destination'>[] = [
    ...(names.length === 0 ? [] : [{ destination: { ports: names } }]),
    ...(names.length === 0 || others.length > 0 ? [{ destination: {} }] : []),
  ];
  return crossed(groups, peers.map(clusterSide), isIngress);
}

function crossed(
  groups: readonly Pick<Converted, 'protocol' | 'destination'>[],
  peers: readonly Side[],
  isIngress: boolean,
): Converted[] {
  return groups.flatMap(({ destination, ...protocol }) =>
    (peers.length === 0 ? [{}] : peers).map((peer) =>
      isIngress
        ? { ...protocol, source: peer, destination }
        : { ...protocol, source: {}, destination: { ...peer, ...destination } },
    ),
  );
}
