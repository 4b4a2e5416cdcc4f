import { z } from 'zod';
import { Shared, itself } from '../base/shared.ts';
import { NO_TEXTS } from '../base/text-map.ts';
import { type Address, parseAddress } from '../ip/address.ts';
import { list, optional, optionalText } from './fields.ts';
import { nameProblem } from './names.ts';
import type { BorderCondition, ContainerPort, Meta, Pod } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, isMap, show } from './shape.ts';

const specSchema = z.object({
  nodeName: optionalText,
  serviceAccountName: optionalText,
  hostNetwork: optional(z.boolean()),
});

const statusSchema = z.object({
  phase: optionalText,
  podIP: optionalText,
  podIPs: list(z.object({ ip: z.string() })),
  hostIP: optionalText,
  hostIPs: list(z.object({ ip: z.string() })),
});

const portSchema = z.object({
  name: optionalText,
  containerPort: z.int().min(1).max(65535),
  protocol: optionalText,
});

/**
 * Annotations in which a pod's network plugin writes addresses before the kubelet reports them: Calico's two, in its order (semantics
 * 10.3), and that of AWS.
 */
export const ADDRESS_ANNOTATIONS = [
  'cni.projectcalico.org/podIPs',
  'cni.projectcalico.org/podIP',
  'vpc.amazonaws.com/pod-ips',
] as const;

/** The readiness gate, and the condition, of the border. */
export const BORDER_GATE = 'sallyport.dev/border';

/** Far longer than the addresses of a pod. Whoever may write annotations may write a quarter of a megabyte into each: it is not kept. */
export const LONGEST_ADDRESSES = 256;

const ADDRESS_NAMES: ReadonlySet<string> = new Set(ADDRESS_ANNOTATIONS);
export const NO_ADDRESSES: readonly Address[] = [];
const NO_PORTS: readonly ContainerPort[] = [];

/** A pod. Which of its addresses count, and since when, is for inventory to say. */
export function readPod(meta: Meta, raw: RawMap, scope: Scope): Pod | undefined {
  const inside = scope.otherwise('The pod is left out, so its addresses count as unknown.');
  const rawSpec = inside.at('spec').map(raw['spec']) ?? {};
  const spec = inside.at('spec').fields(specSchema, rawSpec);
  const status = inside.at('status').fields(statusSchema, inside.at('status').map(raw['status']) ?? {});
  const ports = [
    ...readContainerPorts(rawSpec['containers'], scope.at('spec', 'containers')),
    ...readContainerPorts(rawSpec['initContainers'], scope.at('spec', 'initContainers')),
  ];
  if (!spec.sound || !status.sound) return undefined;
  const metadata = isMap(raw['metadata']) ? raw['metadata'] : {};
  const { podIP, podIPs = [], phase } = status.values;
  return sharedPodOf(meta, {
    ...spec.values,
    owner: ownerOf(metadata['ownerReferences']),
    phase,
    podIPs: addressesOf(
      podIPs.map(({ ip }) => ip),
      podIP,
    ),
    ports,
    gate: gateOf(rawSpec['readinessGates'], raw['status']),
  });
}

/** Whether gates name the border's, and what a status says of it. What cannot be read is no gate: Kubernetes refuses such a pod. */
export function gateOf(gates: unknown, status: unknown): BorderCondition | undefined {
  if (gates === undefined) return undefined;
  const listOf = (given: unknown): RawMap[] => (Array.isArray(given) ? given.filter(isMap) : []);
  if (!listOf(gates).some(({ conditionType }) => conditionType === BORDER_GATE)) return undefined;
  const conditions = listOf(isMap(status) ? status['conditions'] : undefined);
  const found = conditions.findLast(({ type }) => type === BORDER_GATE);
  const text = (key: string): string => (typeof found?.[key] === 'string' ? found[key] : '');
  return { status: text('status'), reason: text('reason'), message: text('message') };
}

/** What a pod has besides its metadata, as it was written; absent is absent. */
export interface PodFields {
  readonly nodeName?: string | undefined;
  readonly serviceAccountName?: string | undefined;
  /** `Kind/name`. */
  readonly owner?: string | undefined;
  readonly hostNetwork?: boolean | undefined;
  readonly phase?: string | undefined;
  /** As `addressesOf` gives them. */
  readonly podIPs: readonly (Address | string)[];
  readonly ports: readonly ContainerPort[];
  readonly gate?: BorderCondition | undefined;
}

/**
 * The pod of fields that have been found right, however they were written. Texts that pods have in common are kept as they are given: whoever
 * reads many pods sees to it that they are the same ones.
 */
export function podOf(meta: Meta, fields: PodFields): Pod {
  const { nodeName, serviceAccountName, owner, ports, podIPs } = fields;
  // Written out, with what is absent, so that all pods have one shape: there can be a million of them.
  return {
    type: 'Pod',
    namespace: meta.namespace,
    name: meta.name,
    uid: meta.uid,
    labels: meta.labels,
    annotations: usedAnnotations(meta, podIPs.length > 0),
    deleting: meta.deleting,
    place: meta.place,
    nodeName,
    serviceAccountName,
    owner,
    hostNetwork: fields.hostNetwork ?? false,
    phase: fields.phase ?? 'Pending',
    podIPs,
    ports: ports.length === 0 ? NO_PORTS : ports,
    gate: fields.gate,
  };
}

/** The same, out of texts that were made for this pod alone: what it has in common with others is kept once. */
export function sharedPodOf(meta: Meta, fields: PodFields): Pod {
  const { nodeName, serviceAccountName, owner, phase } = fields;
  return podOf(
    { ...meta, namespace: NAMESPACES.get(meta.namespace, itself) },
    {
      ...fields,
      nodeName: nodeName && NODES.get(nodeName, itself),
      serviceAccountName: serviceAccountName && ACCOUNTS.get(serviceAccountName, itself),
      owner: owner && OWNERS.get(owner, itself),
      phase: phase && PHASES.get(phase, itself),
    },
  );
}

/** Those that are read: what the kubelet says goes before them as long as the pod lives. */
function usedAnnotations({ annotations, deleting }: Meta, isShown: boolean): ReadonlyMap<string, string> {
  if (annotations.size === 0 || (isShown && !deleting)) return NO_TEXTS;
  const used = [...annotations].filter(([name]) => ADDRESS_NAMES.has(name));
  return used.length === 0 ? NO_TEXTS : new Map(used.map(([name, text]) => [name, keptAddresses(text)]));
}

/** One that is too long stays so, by a mark at its end. Copied: a part of a text holds on to all of it. */
function keptAddresses(text: string): string {
  if (text.length <= LONGEST_ADDRESSES) return text;
  return `${Buffer.from(text.slice(0, LONGEST_ADDRESSES)).toString()}…`;
}

/** The controller among the owners, else the first; only who asks for workloads reads it, so what cannot be read is nobody. */
export function ownerOf(raw: unknown): string | undefined {
  const owners = Array.isArray(raw) ? raw.filter(isMap) : [];
  const owner = owners.find(({ controller }) => controller === true) ?? owners[0];
  const { kind, name } = owner ?? {};
  if (typeof kind !== 'string' || typeof name !== 'string') return undefined;
  return ownerText(kind, name);
}

/** An owner as pods keep it; `undefined` if its name is none. */
export function ownerText(kind: string, name: string): string | undefined {
  return /^[A-Za-z0-9]{1,63}$/.test(kind) && nameProblem(name) === undefined ? `${kind}/${name}` : undefined;
}

/** Pods of one owner come together, and there can be a million of them: one text serves them all. */
const OWNERS = new Shared<string>();
const NAMESPACES = new Shared<string>();
const NODES = new Shared<string>();
const ACCOUNTS = new Shared<string>();
const PHASES = new Shared<string>();

/** The addresses of `podIPs`, or that of `podIP` where there are none; what is no address stays as it was written. */
export function addressesOf(several: readonly string[], one: string | undefined): readonly (Address | string)[] {
  if (several.length > 0) return several.map((text) => parseAddress(text) ?? text);
  return one === undefined ? NO_ADDRESSES : [parseAddress(one) ?? one];
}

/** Named ports; what has no name takes no part in policy, nor do protocols other than these three (semantics 10.6). */
function readContainerPorts(containers: unknown, scope: Scope): ContainerPort[] {
  const here = scope.otherwise('Ports in it have no name for policies.');
  return entries(containers, here).flatMap(({ entry, at }) => {
    const container = at.map(entry) ?? {};
    return entries(container['ports'], at.at('ports')).flatMap((port) => readPort(port.entry, port.at) ?? []);
  });
}

function entries(raw: unknown, scope: Scope): { readonly entry: unknown; readonly at: Scope }[] {
  if (raw === undefined || raw === null) return [];
  if (Array.isArray(raw)) return raw.map((entry: unknown, index) => ({ entry, at: scope.at(index) }));
  scope.mistake('FIELD_INVALID', `this is ${show(raw)} and has to be a list`);
  return [];
}

function readPort(raw: unknown, scope: Scope): ContainerPort | undefined {
  const here = scope.otherwise('This port has no name for policies.');
  const map = here.map(raw);
  if (map === undefined || map['name'] === undefined || map['name'] === null || map['name'] === '') return undefined;
  const read = here.value(portSchema, map);
  if (!read.ok) return undefined;
  const { name, containerPort: port, protocol = 'TCP' } = read.value;
  return name !== undefined && isPortProtocol(protocol) ? { name, port, protocol } : undefined;
}

/** Whether ports of this protocol take part in policy. */
export function isPortProtocol(text: string): text is ContainerPort['protocol'] {
  return text === 'TCP' || text === 'UDP' || text === 'SCTP';
}
