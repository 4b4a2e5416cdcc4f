import { labelNameProblem, nameProblem } from '../../api/names.ts';
import { ADDRESS_ANNOTATIONS, BORDER_GATE, type PodFields, isPortProtocol, ownerText, podOf } from '../../api/pod.ts';
import { readResource } from '../../api/read.ts';
import { type BorderCondition, type ContainerPort, type ReadResource, resourceKey } from '../../api/resource.ts';
import type { Place } from '../../base/diagnostic.ts';
import { Shared, itself } from '../../base/shared.ts';
import { NO_TEXTS, compactTexts } from '../../base/text-map.ts';
import { BYTES, VARINT, Wire } from './wire.ts';

/** A pod as protobuf, and what has been read of it. */
export interface EncodedPod {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly place: Place;
}

type Texts = ReadonlyMap<string, string>;

interface WrittenPort {
  readonly name: string;
  readonly containerPort: number;
  readonly protocol: string;
}

/** The fields that are read; empty texts are absent, as the API's JSON leaves them out. */
class Picked {
  labels: Texts = NO_TEXTS;
  annotations: Texts = NO_TEXTS;
  isDeleting = false;
  owner: { readonly kind: string; readonly name: string; readonly isController: boolean } | undefined;
  nodeName = '';
  serviceAccountName = '';
  hostNetwork = false;
  phase = '';
  podIP = '';
  hostIP = '';
  readonly podIPs: string[] = [];
  readonly hostIPs: string[] = [];
  /** The ports of each container. */
  readonly containers: (readonly WrittenPort[])[] = [];
  readonly initContainers: (readonly WrittenPort[])[] = [];
  isGated = false;
  hasSpec = false;
  border: BorderCondition = NO_CONDITION;
}

const NO_CONDITION: BorderCondition = { status: '', reason: '', message: '' };
const NO_PORTS: readonly WrittenPort[] = [];
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
  if (fields === undefined || nameProblem(name) !== undefined || labelNameProblem(namespace) !== undefined)
    return readResource(asJson(pod, picked), place);
  const meta = {
    namespace,
    name,
    ...(uid === '' ? {} : { uid }),
    labels: picked.labels,
    annotations: picked.annotations,
    deleting: picked.isDeleting,
    place,
  };
  const resource = podOf(meta, fields);
  return { resource, key: resourceKey(resource), diagnostics: [] };
}

function fieldsOf(picked: Picked): PodFields | undefined {
  const ports: ContainerPort[] = [];
  for (const containers of [picked.containers, picked.initContainers])
    for (const written of containers)
      for (const { name, containerPort: port, protocol: word } of written) {
        if (name === '') continue;
        if (port < 1 || port > 65_535) return undefined;
        const protocol = word === '' ? 'TCP' : word;
        if (isPortProtocol(protocol)) ports.push({ name, port, protocol });
      }
  if (picked.podIPs.includes('') || picked.hostIPs.includes('')) return undefined;
  const present = (text: string): string | undefined => (text === '' ? undefined : text);
  return {
    nodeName: present(picked.nodeName),
    serviceAccountName: present(picked.serviceAccountName),
    owner: picked.owner === undefined ? undefined : ownerText(picked.owner.kind, picked.owner.name),
    hostNetwork: picked.hostNetwork,
    phase: present(picked.phase),
    podIP: present(picked.podIP),
    podIPs: picked.podIPs,
    ports,
    gate: picked.isGated ? picked.border : undefined,
  };
}

/** The same pod as the API's JSON. */
function asJson({ name, namespace, uid }: EncodedPod, picked: Picked): unknown {
  const filled = (object: Readonly<Record<string, unknown>>): object =>
    Object.fromEntries(Object.entries(object).filter(([, value]) => value !== ''));
  const asContainer = (ports: readonly WrittenPort[]): object => ({ ports: ports.map((port) => filled({ ...port })) });
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

function pick({ bytes, start, end }: EncodedPod): Picked {
  const wire = new Wire(bytes);
  wire.position = start;
  const picked = new Picked();
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(1)) pickMetadata(wire, wire.inner(end), picked);
    else if (tag === field(2)) pickSpec(wire, wire.inner(end), picked);
    else if (tag === field(3)) pickStatus(wire, wire.inner(end), picked);
    else wire.skip(tag, end);
  }
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
    } else if (tag === field(12)) pickAnnotation(wire, wire.inner(end), picked);
    else if (tag === field(9)) {
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

function pickAnnotation(wire: Wire, end: number, picked: Picked): void {
  // Most annotations are long and not read: their keys stand first.
  const start = wire.position;
  const tag = wire.tag(end);
  if (tag === field(1) && !ADDRESS_NAMES.has(wire.text(end))) {
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
    if (tag === field(1)) kind = wire.text(end);
    else if (tag === field(3)) name = wire.text(end);
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
    if (tag === field(2)) picked.containers.push(pickContainer(wire, wire.inner(end)));
    else if (tag === field(20)) picked.initContainers.push(pickContainer(wire, wire.inner(end)));
    else if (tag === field(8)) picked.serviceAccountName = wire.text(end);
    else if (tag === field(10)) picked.nodeName = wire.text(end);
    else if (tag === field(11, VARINT)) picked.hostNetwork = wire.varint(end) !== 0;
    else if (tag === field(28)) {
      if (pickText(wire, wire.inner(end)) === BORDER_GATE) picked.isGated = true;
    } else wire.skip(tag, end);
  }
}

/** A container: ports 6, each with name 1, containerPort 3, protocol 4. */
function pickContainer(wire: Wire, end: number): readonly WrittenPort[] {
  let ports: WrittenPort[] | undefined;
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag !== field(6)) {
      wire.skip(tag, end);
      continue;
    }
    const stop = wire.inner(end);
    let name = '';
    let containerPort = 0;
    let protocol = '';
    while (wire.position < stop) {
      const part = wire.tag(stop);
      if (part === field(1)) name = wire.text(stop);
      else if (part === field(3, VARINT)) containerPort = wire.varint(stop);
      else if (part === field(4)) protocol = wire.text(stop);
      else wire.skip(part, stop);
    }
    (ports ??= []).push({ name, containerPort, protocol });
  }
  return ports ?? NO_PORTS;
}

function pickStatus(wire: Wire, end: number, picked: Picked): void {
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(1)) picked.phase = wire.text(end);
    // Every pod has conditions; they are read where the gate is, or may still come.
    else if (tag === field(2) && (picked.isGated || !picked.hasSpec)) pickCondition(wire, wire.inner(end), picked);
    else if (tag === field(5)) picked.hostIP = wire.text(end);
    else if (tag === field(6)) picked.podIP = wire.text(end);
    else if (tag === field(12)) picked.podIPs.push(pickText(wire, wire.inner(end)));
    else if (tag === field(16)) picked.hostIPs.push(pickText(wire, wire.inner(end)));
    else wire.skip(tag, end);
  }
}

/** The one text of a PodIP, HostIP or PodReadinessGate. */
function pickText(wire: Wire, end: number): string {
  let text = '';
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(1)) text = wire.text(end);
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
    if (tag === field(1)) type = wire.text(end);
    else if (tag === field(2)) status = wire.text(end);
    else if (tag === field(5)) reason = wire.text(end);
    else if (tag === field(6)) message = wire.text(end);
    else wire.skip(tag, end);
  }
  if (type === BORDER_GATE) picked.border = { status, reason, message };
}
