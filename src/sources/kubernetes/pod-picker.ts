import { areLabels, labelNameProblem, nameProblem } from '../../api/names.ts';
import {
  ADDRESS_ANNOTATIONS,
  BORDER_GATE,
  NO_ADDRESSES,
  type PodFields,
  addressesOf,
  ownerText,
  podOf,
} from '../../api/pod.ts';
import { readResource } from '../../api/read.ts';
import type { BorderCondition, ContainerPort, Resource } from '../../api/resource.ts';
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { Shared, itself } from '../../base/shared.ts';
import { NO_TEXTS, compactTexts } from '../../base/text-map.ts';
import { type Address, formatAddress } from '../../ip/address.ts';
import { type EncodedPod, field, oneOf } from './encoded-pod.ts';
import type { Read } from './encoding.ts';
import { readAddress } from './ipv4-bytes.ts';
import { type Ports, pickContainer } from './pod-ports.ts';
import { SharedByBytes } from './shared-by-bytes.ts';
import { VARINT, Wire } from './wire.ts';

type Texts = ReadonlyMap<string, string>;

/** An owner, and how pods keep it. */
interface Owner {
  readonly kind: string;
  readonly name: string;
  readonly isController: boolean;
  readonly text: string | undefined;
}

/** Labels, and whether a server can have taken them. */
interface PickedLabels {
  readonly texts: Texts;
  readonly areSound: boolean;
}

const NO_LABELS: PickedLabels = { texts: NO_TEXTS, areSound: true };

/** The fields that are read; empty texts are absent, as the API's JSON leaves them out. One serves all pods, one after the other. */
class Picked {
  labels: PickedLabels = NO_LABELS;
  annotations: Texts = NO_TEXTS;
  owner: Owner | undefined;
  nodeName = '';
  serviceAccountName = '';
  hostNetwork = false;
  phase = '';
  /** Where it stands: it is read if there are no others. */
  podIPStart = 0;
  podIPEnd = 0;
  hostIP = '';
  podIPs: readonly (Address | string)[] = NO_ADDRESSES;
  hostIPs: readonly string[] = NO_HOST_ADDRESSES;
  /** Of each container. */
  containers: readonly Ports[] = NO_CONTAINERS;
  initContainers: readonly Ports[] = NO_CONTAINERS;
  isGated = false;
  hasSpec = false;
  border: BorderCondition = NO_CONDITION;

  clear(): void {
    this.labels = NO_LABELS;
    this.annotations = NO_TEXTS;
    this.owner = undefined;
    this.nodeName = '';
    this.serviceAccountName = '';
    this.hostNetwork = false;
    this.phase = '';
    this.podIPStart = 0;
    this.podIPEnd = 0;
    this.hostIP = '';
    this.podIPs = NO_ADDRESSES;
    this.hostIPs = NO_HOST_ADDRESSES;
    this.containers = NO_CONTAINERS;
    this.initContainers = NO_CONTAINERS;
    this.isGated = false;
    this.hasSpec = false;
    this.border = NO_CONDITION;
  }
}

const NO_CONDITION: BorderCondition = { status: '', reason: '', message: '' };
const NO_HOST_ADDRESSES: readonly string[] = [];
const NO_CONTAINERS: readonly Ports[] = [];
const NO_PORTS: readonly ContainerPort[] = [];
const NO_DIAGNOSTICS: readonly Diagnostic[] = [];
const PICKED = new Picked();
/** Pods of one template have the same labels, and there can be a million of them; by the bytes they are written in. */
const LABELS = new SharedByBytes<PickedLabels>(readLabels);
const OWNERS = new SharedByBytes<Owner | undefined>(readOwner);
const ADDRESS_NAMES: ReadonlySet<string> = new Set(ADDRESS_ANNOTATIONS);

const PARTS = oneOf(2, 3);
const IN_SPEC = oneOf(2, 8, 10, 11, 20, 28);
const IN_STATUS = oneOf(1, 2, 5, 6, 12, 16);
const LABEL_FIELD = oneOf(11);
const ANNOTATION_FIELD = oneOf(12);
const OWNER_FIELD = oneOf(13);
const FIRST_FIELD = oneOf(1);
const KEY_AND_VALUE = oneOf(1, 2);

/** The pod of a message, as `readResource` would read it from JSON. */
export function readPickedPod(pod: EncodedPod, place: Place): Read<Resource> {
  const picked = pick(pod);
  const { name, namespace, uid, isDeleting: deleting } = pod;
  const fields = fieldsOf(pod, picked);
  // What has mistakes is read the long way, so that they are told in the same words.
  if (
    fields === undefined ||
    uid === '' ||
    !picked.labels.areSound ||
    nameProblem(name) !== undefined ||
    labelNameProblem(namespace) !== undefined
  )
    return readResource(asJson(pod, picked), place);
  const { labels, annotations } = picked;
  const resource = podOf({ namespace, name, uid, labels: labels.texts, annotations, deleting, place }, fields);
  return { resource, diagnostics: NO_DIAGNOSTICS };
}

function fieldsOf(pod: EncodedPod, picked: Picked): PodFields | undefined {
  const ports = portsOf(picked);
  const { podIPs, hostIPs, owner } = picked;
  if (ports === undefined || podIPs.includes('') || hostIPs.includes('')) return undefined;
  return {
    nodeName: present(picked.nodeName),
    serviceAccountName: present(picked.serviceAccountName),
    owner: owner?.text,
    hostNetwork: picked.hostNetwork,
    phase: present(picked.phase),
    podIPs: podIPs.length > 0 ? podIPs : addressesOf([], present(podIPText(pod, picked))),
    ports,
    gate: picked.isGated ? picked.border : undefined,
  };
}

function podIPText({ wire }: EncodedPod, { podIPStart, podIPEnd }: Picked): string {
  return wire.bytes.toString('utf8', podIPStart, podIPEnd);
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
function asJson(pod: EncodedPod, picked: Picked): unknown {
  const { name, namespace, uid, isDeleting } = pod;
  const filled = (object: Readonly<Record<string, unknown>>): object =>
    Object.fromEntries(Object.entries(object).filter(([, value]) => value !== ''));
  const asContainer = ({ written }: Ports): object => ({ ports: written.map((port) => filled({ ...port })) });
  const { owner } = picked;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...filled({ name, namespace, uid }),
      labels: Object.fromEntries(picked.labels.texts),
      annotations: Object.fromEntries(picked.annotations),
      ...(isDeleting ? { deletionTimestamp: 'set' } : {}),
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
      ...filled({ phase: picked.phase, podIP: podIPText(pod, picked), hostIP: picked.hostIP }),
      podIPs: picked.podIPs.map((ip) => filled({ ip: typeof ip === 'string' ? ip : formatAddress(ip) })),
      hostIPs: picked.hostIPs.map((ip) => filled({ ip })),
    },
  };
}

function pick(pod: EncodedPod): Picked {
  const { wire, end, labelsStart, labelsEnd, ownersStart, ownersEnd } = pod;
  const picked = PICKED;
  picked.clear();
  if (labelsEnd > 0) picked.labels = LABELS.get(wire.bytes, labelsStart, labelsEnd);
  if (ownersEnd > 0) picked.owner = OWNERS.get(wire.bytes, ownersStart, ownersEnd);
  wire.position = pod.start;
  for (let tag = wire.next(end, PARTS); tag !== 0; tag = wire.next(end, PARTS)) {
    if (tag === field(2)) pickSpec(wire, wire.inner(end), picked);
    else if (tag === field(3)) pickStatus(wire, wire.inner(end), picked);
    else wire.skip(tag, end);
  }
  // What the kubelet says goes before what annotations say, as long as the pod lives.
  if (pod.isDeleting || (picked.podIPs.length === 0 && picked.podIPEnd === picked.podIPStart))
    pickAnnotations(pod, picked);
  return picked;
}

const VALUES = new Shared<string>();

/** Labels, and whatever stands between them. */
function readLabels(bytes: Buffer, start: number, end: number): PickedLabels {
  const wire = new Wire(bytes);
  wire.position = start;
  const labels = new Map<string, string>();
  for (let tag = wire.next(end, LABEL_FIELD); tag !== 0; tag = wire.next(end, LABEL_FIELD)) {
    if (tag !== field(11)) {
      wire.skip(tag, end);
      continue;
    }
    const [key, value] = entry(wire, wire.inner(end));
    labels.set(VALUES.get(key, itself), VALUES.get(value, itself));
  }
  return { texts: compactTexts(labels), areSound: areLabels(labels) };
}

/** An entry of a map: key 1, value 2. */
function entry(wire: Wire, end: number): readonly [string, string] {
  let key = '';
  let value = '';
  for (let tag = wire.next(end, KEY_AND_VALUE); tag !== 0; tag = wire.next(end, KEY_AND_VALUE)) {
    if (tag === field(1)) key = wire.text(end);
    else if (tag === field(2)) value = wire.text(end);
    else wire.skip(tag, end);
  }
  return [key, value];
}

function pickAnnotations({ wire, annotationsStart, annotationsEnd: end }: EncodedPod, picked: Picked): void {
  wire.position = annotationsStart;
  for (let tag = wire.next(end, ANNOTATION_FIELD); tag !== 0; tag = wire.next(end, ANNOTATION_FIELD)) {
    if (tag === field(12)) pickAnnotation(wire, wire.inner(end), picked);
    else wire.skip(tag, end);
  }
}

function pickAnnotation(wire: Wire, end: number, picked: Picked): void {
  // Most annotations are long and not read: their keys stand first.
  const start = wire.position;
  if (wire.next(end, KEY_AND_VALUE) === field(1) && !ADDRESS_NAMES.has(wire.sharedText(end))) {
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

/** The controller among owners, else the first of them: kind 1, name 3, controller 6. */
function readOwner(bytes: Buffer, start: number, end: number): Owner | undefined {
  const wire = new Wire(bytes);
  wire.position = start;
  let owner: Owner | undefined;
  for (let tag = wire.next(end, OWNER_FIELD); tag !== 0; tag = wire.next(end, OWNER_FIELD)) {
    if (tag !== field(13)) {
      wire.skip(tag, end);
      continue;
    }
    const one = oneOwner(wire, wire.inner(end));
    if (owner === undefined || (one.isController && !owner.isController)) owner = one;
  }
  return owner;
}

function oneOwner(wire: Wire, end: number): Owner {
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
  return { kind, name, isController, text: ownerText(kind, name) };
}

function pickSpec(wire: Wire, end: number, picked: Picked): void {
  picked.hasSpec = true;
  for (let tag = wire.next(end, IN_SPEC); tag !== 0; tag = wire.next(end, IN_SPEC)) {
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
  for (let tag = wire.next(end, IN_STATUS); tag !== 0; tag = wire.next(end, IN_STATUS)) {
    if (tag === field(1)) picked.phase = wire.sharedText(end);
    // Every pod has conditions; they are read where the gate is, or may still come.
    else if (tag === field(2) && (picked.isGated || !picked.hasSpec)) pickCondition(wire, wire.inner(end), picked);
    else if (tag === field(5)) picked.hostIP = wire.sharedText(end);
    else if (tag === field(6)) {
      picked.podIPEnd = wire.inner(end);
      picked.podIPStart = wire.position;
      wire.position = picked.podIPEnd;
    } else if (tag === field(12)) {
      const ip = pickAddress(wire, wire.inner(end));
      picked.podIPs = picked.podIPs.length === 0 ? [ip] : [...picked.podIPs, ip];
    } else if (tag === field(16)) {
      const ip = pickText(wire, wire.inner(end));
      picked.hostIPs = picked.hostIPs.length === 0 ? [ip] : [...picked.hostIPs, ip];
    } else wire.skip(tag, end);
  }
}

/** The address of a PodIP; a text if it is none. */
function pickAddress(wire: Wire, end: number): Address | string {
  let from = wire.position;
  let to = from;
  for (let tag = wire.next(end, FIRST_FIELD); tag !== 0; tag = wire.next(end, FIRST_FIELD)) {
    if (tag !== field(1)) {
      wire.skip(tag, end);
      continue;
    }
    to = wire.inner(end);
    from = wire.position;
    wire.position = to;
  }
  return readAddress(wire.bytes, from, to);
}

/** The one text of a HostIP or PodReadinessGate. */
function pickText(wire: Wire, end: number): string {
  let text = '';
  for (let tag = wire.next(end, FIRST_FIELD); tag !== 0; tag = wire.next(end, FIRST_FIELD)) {
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
