import { labelNameProblem, nameProblem } from '../../api/names.ts';
import { ADDRESS_ANNOTATIONS, BORDER_GATE, type PodFields, ownerText, podOf } from '../../api/pod.ts';
import { readResource } from '../../api/read.ts';
import { type BorderCondition, type ContainerPort, type ReadResource, resourceKey } from '../../api/resource.ts';
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { Shared, itself } from '../../base/shared.ts';
import { NO_TEXTS, compactTexts } from '../../base/text-map.ts';
import { type Ports, pickContainer } from './pod-ports.ts';
import { BYTES, VARINT, Wire } from './wire.ts';

/** A pod as protobuf, and what has been read of it. */
export interface EncodedPod {
  /** Where it stands, from `start` to `end`. */
  readonly wire: Wire;
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly place: Place;
}

type Texts = ReadonlyMap<string, string>;

/** The fields that are read; empty texts are absent, as the API's JSON leaves them out. */
class Picked {
  labels: Texts = NO_TEXTS;
  annotations: Texts = NO_TEXTS;
  /** Within metadata, from the first annotation to the last. */
  annotationsStart = 0;
  annotationsEnd = 0;
  isDeleting = false;
  owner: { readonly kind: string; readonly name: string; readonly isController: boolean } | undefined;
  nodeName = '';
  serviceAccountName = '';
  hostNetwork = false;
  phase = '';
  podIP = '';
  hostIP = '';
  podIPs: readonly string[] = NO_ADDRESSES;
  hostIPs: readonly string[] = NO_ADDRESSES;
  /** Of each container. */
  containers: readonly Ports[] = NO_CONTAINERS;
  initContainers: readonly Ports[] = NO_CONTAINERS;
  isGated = false;
  hasSpec = false;
  border: BorderCondition = NO_CONDITION;
}

const NO_CONDITION: BorderCondition = { status: '', reason: '', message: '' };
const NO_ADDRESSES: readonly string[] = [];
const NO_CONTAINERS: readonly Ports[] = [];
const NO_PORTS: readonly ContainerPort[] = [];
const NO_DIAGNOSTICS: readonly Diagnostic[] = [];
/** Pods of one template have the same labels, and there can be a million of them; by the bytes they are written in. */
const LABELS = new Shared<Texts>();
const ADDRESS_NAMES: ReadonlySet<string> = new Set(ADDRESS_ANNOTATIONS);

const field = (number: number, type = BYTES): number => number * 8 + type;

/** The pod of a message, as `readResource` would read it from JSON. */
export function readPickedPod(pod: EncodedPod): ReadResource {
  const picked = pick(pod);
  const { name, namespace, uid, place } = pod;
  const fields = fieldsOf(picked);
  // What has mistakes is read the long way, so that they are told in the same words.
  if (
    fields === undefined ||
    uid === '' ||
    nameProblem(name) !== undefined ||
    labelNameProblem(namespace) !== undefined
  )
    return readResource(asJson(pod, picked), place);
  const { labels, annotations, isDeleting: deleting } = picked;
  const resource = podOf({ namespace, name, uid, labels, annotations, deleting, place }, fields);
  return { resource, key: resourceKey(resource), diagnostics: NO_DIAGNOSTICS };
}

function fieldsOf(picked: Picked): PodFields | undefined {
  const ports = portsOf(picked);
  const { podIPs, hostIPs, owner } = picked;
  if (ports === undefined || podIPs.includes('') || hostIPs.includes('')) return undefined;
  return {
    nodeName: present(picked.nodeName),
    serviceAccountName: present(picked.serviceAccountName),
    owner: owner === undefined ? undefined : ownerText(owner.kind, owner.name),
    hostNetwork: picked.hostNetwork,
    phase: present(picked.phase),
    podIP: present(picked.podIP),
    podIPs,
    ports,
    gate: picked.isGated ? picked.border : undefined,
  };
}

function present(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function portsOf({ containers, initContainers }: Picked): readonly ContainerPort[] | undefined {
  const [only] = containers;
  if (containers.length + initContainers.length === 0) return NO_PORTS;
  if (only !== undefined && containers.length === 1 && initContainers.length === 0) return only.sound;
  const ports: ContainerPort[] = [];
  for (const { sound } of [...containers, ...initContainers]) {
    if (sound === undefined) return undefined;
    ports.push(...sound);
  }
  return ports;
}

/** The same pod as the API's JSON. */
function asJson({ name, namespace, uid }: EncodedPod, picked: Picked): unknown {
  const filled = (object: Readonly<Record<string, unknown>>): object =>
    Object.fromEntries(Object.entries(object).filter(([, value]) => value !== ''));
  const asContainer = ({ written }: Ports): object => ({ ports: written.map((port) => filled({ ...port })) });
  const { owner } = picked;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...filled({ name, namespace, uid }),
      labels: Object.fromEntries(picked.labels),
      annotations: Object.fromEntries(picked.annotations),
      ...(picked.isDeleting ? { deletionTimestamp: 'set' } : {}),
      ...(owner && { ownerReferences: [{ kind: owner.kind, name: owner.name, controller: owner.isController }] }),
    },
    spec: {
      ...filled({ nodeName: picked.nodeName, serviceAccountName: picked.serviceAccountName }),
      hostNetwork: picked.hostNetwork,
      containers: picked.containers.map(asContainer),
      initContainers: picked.initContainers.map(asContainer),
      ...(picked.isGated ? { readinessGates: [{ conditionType: BORDER_GATE }] } : {}),
    },
    status: {
      ...(picked.isGated ? { conditions: [{ type: BORDER_GATE, ...picked.border }] } : {}),
      ...filled({ phase: picked.phase, podIP: picked.podIP, hostIP: picked.hostIP }),
      podIPs: picked.podIPs.map((ip) => filled({ ip })),
      hostIPs: picked.hostIPs.map((ip) => filled({ ip })),
    },
  };
}

function pick({ wire, start, end }: EncodedPod): Picked {
  wire.position = start;
  const picked = new Picked();
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(1)) pickMetadata(wire, wire.inner(end), picked);
    else if (tag === field(2)) pickSpec(wire, wire.inner(end), picked);
    else if (tag === field(3)) pickStatus(wire, wire.inner(end), picked);
    else wire.skip(tag, end);
  }
  // What the kubelet says goes before what annotations say, as long as the pod lives.
  if (picked.isDeleting || (picked.podIPs.length === 0 && picked.podIP === '')) pickAnnotations(wire, picked);
  return picked;
}

function pickMetadata(wire: Wire, end: number, picked: Picked): void {
  // Labels come one after the other, so that their bytes, taken together, name the whole set.
  let labels: { readonly start: number; end: number } | undefined;
  let isSplit = false;
  while (wire.position < end) {
    const start = wire.position;
    const tag = wire.tag(end);
    if (tag === field(11)) {
      wire.position = wire.inner(end);
      if (labels === undefined) labels = { start, end: wire.position };
      else {
        isSplit ||= labels.end !== start;
        labels.end = wire.position;
      }
    } else if (tag === field(12)) {
      wire.position = wire.inner(end);
      if (picked.annotationsEnd === 0) picked.annotationsStart = start;
      picked.annotationsEnd = wire.position;
    } else if (tag === field(9)) {
      picked.isDeleting = true;
      wire.skip(tag, end);
    } else if (tag === field(13)) pickOwner(wire, wire.inner(end), picked);
    else wire.skip(tag, end);
  }
  if (labels === undefined) return;
  const { start, end: stop } = labels;
  const read = (): Texts => readLabels(wire.bytes, start, stop);
  picked.labels = isSplit ? read() : LABELS.get(wire.bytes.toString('latin1', start, stop), read);
}

const VALUES = new Shared<string>();

function readLabels(bytes: Buffer, start: number, end: number): Texts {
  const wire = new Wire(bytes);
  wire.position = start;
  const labels = new Map<string, string>();
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag !== field(11)) {
      wire.skip(tag, end);
      continue;
    }
    const [key, value] = entry(wire, wire.inner(end));
    labels.set(VALUES.get(key, itself), VALUES.get(value, itself));
  }
  return compactTexts(labels);
}

/** An entry of a map: key 1, value 2. */
function entry(wire: Wire, end: number): readonly [string, string] {
  let key = '';
  let value = '';
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(1)) key = wire.text(end);
    else if (tag === field(2)) value = wire.text(end);
    else wire.skip(tag, end);
  }
  return [key, value];
}

function pickAnnotations(wire: Wire, picked: Picked): void {
  const end = picked.annotationsEnd;
  wire.position = picked.annotationsStart;
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(12)) pickAnnotation(wire, wire.inner(end), picked);
    else wire.skip(tag, end);
  }
}

function pickAnnotation(wire: Wire, end: number, picked: Picked): void {
  // Most annotations are long and not read: their keys stand first.
  const start = wire.position;
  const tag = wire.tag(end);
  if (tag === field(1) && !ADDRESS_NAMES.has(wire.sharedText(end))) {
    wire.position = end;
    return;
  }
  wire.position = start;
  const [key, value] = entry(wire, end);
  if (!ADDRESS_NAMES.has(key)) return;
  const annotations = new Map(picked.annotations);
  annotations.set(VALUES.get(key, itself), value);
  picked.annotations = annotations;
}

/** An owner: kind 1, name 3, controller 6. The controller counts, else the first. */
function pickOwner(wire: Wire, end: number, picked: Picked): void {
  let kind = '';
  let name = '';
  let isController = false;
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(1)) kind = wire.sharedText(end);
    else if (tag === field(3)) name = wire.sharedText(end);
    else if (tag === field(6, VARINT)) isController = wire.varint(end) !== 0;
    else wire.skip(tag, end);
  }
  if (picked.owner === undefined || (isController && !picked.owner.isController))
    picked.owner = { kind, name, isController };
}

function pickSpec(wire: Wire, end: number, picked: Picked): void {
  picked.hasSpec = true;
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(2)) picked.containers = withPorts(picked.containers, pickContainer(wire, wire.inner(end)));
    else if (tag === field(20))
      picked.initContainers = withPorts(picked.initContainers, pickContainer(wire, wire.inner(end)));
    else if (tag === field(8)) picked.serviceAccountName = wire.sharedText(end);
    else if (tag === field(10)) picked.nodeName = wire.sharedText(end);
    else if (tag === field(11, VARINT)) picked.hostNetwork = wire.varint(end) !== 0;
    else if (tag === field(28)) {
      if (pickText(wire, wire.inner(end)) === BORDER_GATE) picked.isGated = true;
    } else wire.skip(tag, end);
  }
}

function withPorts(containers: readonly Ports[], ports: Ports): readonly Ports[] {
  return containers.length === 0 ? [ports] : [...containers, ports];
}

function pickStatus(wire: Wire, end: number, picked: Picked): void {
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(1)) picked.phase = wire.sharedText(end);
    // Every pod has conditions; they are read where the gate is, or may still come.
    else if (tag === field(2) && (picked.isGated || !picked.hasSpec)) pickCondition(wire, wire.inner(end), picked);
    else if (tag === field(5)) picked.hostIP = wire.sharedText(end);
    else if (tag === field(6)) picked.podIP = wire.sharedText(end);
    else if (tag === field(12)) picked.podIPs = withIp(picked.podIPs, pickText(wire, wire.inner(end)));
    else if (tag === field(16)) picked.hostIPs = withIp(picked.hostIPs, pickText(wire, wire.inner(end)));
    else wire.skip(tag, end);
  }
}

function withIp(ips: readonly string[], ip: string): readonly string[] {
  return ips.length === 0 ? [ip] : [...ips, ip];
}

/** The one text of a PodIP, HostIP or PodReadinessGate. */
function pickText(wire: Wire, end: number): string {
  let text = '';
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(1)) text = wire.sharedText(end);
    else wire.skip(tag, end);
  }
  return text;
}

/** A condition: type 1, status 2, reason 5, message 6. */
function pickCondition(wire: Wire, end: number, picked: Picked): void {
  let type = '';
  let status = '';
  let reason = '';
  let message = '';
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(1)) type = wire.sharedText(end);
    else if (tag === field(2)) status = wire.sharedText(end);
    else if (tag === field(5)) reason = wire.sharedText(end);
    else if (tag === field(6)) message = wire.text(end);
    else wire.skip(tag, end);
  }
  if (type === BORDER_GATE) picked.border = { status, reason, message };
}
