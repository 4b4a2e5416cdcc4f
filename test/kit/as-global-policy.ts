import type { Manifest } from './border-world.ts';
import type { PlainSelector } from './plain-objects.ts';

// ClusterNetworkPolicies as the GlobalNetworkPolicies that Calico makes of them (semantics 9.2), on texts, as Calico does it.

interface Peer {
  readonly namespaces?: PlainSelector;
  readonly pods?: { readonly namespaceSelector: PlainSelector; readonly podSelector: PlainSelector };
  readonly networks?: readonly string[];
}

interface Protocol {
  readonly tcp?: { readonly destinationPort?: DestinationPort };
  readonly udp?: { readonly destinationPort?: DestinationPort };
  readonly destinationNamedPort?: string;
}

interface DestinationPort {
  readonly number?: number;
  readonly range?: { readonly start: number; readonly end: number };
}

interface Spec {
  readonly tier: 'Admin' | 'Baseline';
  readonly priority: number;
  readonly subject: Peer;
  readonly egress: readonly {
    readonly action: 'Accept' | 'Deny' | 'Pass';
    readonly to: readonly Peer[];
    readonly protocols?: readonly Protocol[];
  }[];
}

/** A ClusterNetworkPolicy with egress rules alone as a GlobalNetworkPolicy; anything else as it is. */
export function asGlobalPolicy(manifest: Manifest): Manifest {
  if (manifest['kind'] !== 'ClusterNetworkPolicy') return manifest;
  const { tier, priority, subject, egress } = manifest['spec'] as Spec;
  const rules = egress.flatMap(({ action, to, protocols = [] }) => {
    const written = action === 'Accept' ? 'Allow' : action;
    const entities = to.map(entitiesOf);
    if (entities.includes(undefined)) return written === 'Allow' ? [] : [{ action: 'Deny' }];
    return entities
      .flatMap((found) => found ?? [])
      .flatMap((entity) => portsOf(protocols).map((ports) => merged(written, entity, ports)));
  });
  const { name } = manifest['metadata'] as { name: string };
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkPolicy',
    metadata: { name },
    spec: {
      tier: tier === 'Admin' ? 'kube-admin' : 'kube-baseline',
      order: priority,
      selector: podText(subject.pods?.podSelector ?? {}),
      namespaceSelector: text(subject.pods?.namespaceSelector ?? subject.namespaces ?? {}) || 'all()',
      // Without rules it takes part in no direction; so that of incoming traffic, which no border asks for.
      types: [rules.length > 0 ? 'Egress' : 'Ingress'],
      egress: rules,
    },
  };
}

type Entity = Readonly<Record<string, unknown>>;

/** The destinations that a peer is, one for each family; `undefined`: it cannot be said. */
function entitiesOf({ namespaces, pods, networks }: Peer): readonly Entity[] | undefined {
  if (networks !== undefined)
    return [networks.filter((net) => !net.includes(':')), networks.filter((net) => net.includes(':'))]
      .filter((nets) => nets.length > 0)
      .map((nets) => ({ nets }));
  if (namespaces !== undefined) return [{ namespaceSelector: text(namespaces) || 'all()' }];
  if (pods === undefined) return undefined;
  return [{ namespaceSelector: text(pods.namespaceSelector) || 'all()', selector: podText(pods.podSelector) }];
}

interface Ports {
  readonly protocol?: string;
  readonly ports?: readonly (number | string)[];
}

function portsOf(protocols: readonly Protocol[]): readonly Ports[] {
  if (protocols.length === 0) return [{}];
  return protocols.map(({ tcp, udp, destinationNamedPort }) => {
    if (destinationNamedPort !== undefined) return { ports: [destinationNamedPort] };
    const { number, range } = (tcp ?? udp)?.destinationPort ?? {};
    const ports = range === undefined ? number : `${range.start}:${range.end}`;
    return { protocol: tcp === undefined ? 'UDP' : 'TCP', ...(ports === undefined ? {} : { ports: [ports] }) };
  });
}

function merged(action: string, entity: Entity, { protocol, ports }: Ports): Manifest {
  const destination = ports === undefined ? entity : { ...entity, ports };
  return { action, ...(protocol === undefined ? {} : { protocol }), destination };
}

function podText(selector: PlainSelector): string {
  return ["projectcalico.org/orchestrator == 'k8s'", text(selector)].filter((part) => part !== '').join(' && ');
}

function text({ matchLabels = {}, matchExpressions = [] }: PlainSelector): string {
  const values = (of: readonly string[] | undefined): string => (of ?? []).map((value) => `'${value}'`).join(', ');
  return [
    ...Object.entries(matchLabels).map(([key, value]) => `${key} == '${value}'`),
    ...matchExpressions.map(({ key, operator, values: of }) => {
      if (operator === 'In') return `${key} in { ${values(of)} }`;
      if (operator === 'NotIn') return `${key} not in { ${values(of)} }`;
      return operator === 'Exists' ? `has(${key})` : `! has(${key})`;
    }),
  ].join(' && ');
}
