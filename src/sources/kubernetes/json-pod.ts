import { areLabels, labelNameProblem, nameProblem } from '../../api/names.ts';
import { ADDRESS_ANNOTATIONS, addressesOf, gateOf, isPortProtocol, ownerOf, sharedPodOf } from '../../api/pod.ts';
import { type ContainerPort, type ReadResource, resourceKey } from '../../api/resource.ts';
import { type RawMap, isMap } from '../../api/shape.ts';
import type { Place } from '../../base/diagnostic.ts';
import { Shared, itself } from '../../base/shared.ts';
import { NO_TEXTS, compactTexts } from '../../base/text-map.ts';

type Texts = ReadonlyMap<string, string>;

/** Labels that no server would have taken. */
const STRANGE = 'strange';

const LABELS = new Shared<Texts | typeof STRANGE>();
const VALUES = new Shared<string>();
const PORTS = new Shared<readonly ContainerPort[]>();
const NO_IPS: readonly string[] = [];
const NO_PORTS: readonly ContainerPort[] = [];

/**
 * A pod out of parsed JSON, as `readResource` reads it, in a tenth of the time. `undefined`: a field is not as servers write it, and
 * `readResource` has to say what is wrong, if anything is.
 */
export function readSoundPod(raw: RawMap, metadata: RawMap, place: Place): ReadResource | undefined {
  const { name, namespace, uid, deletionTimestamp } = metadata;
  const { spec = {}, status = {} } = raw;
  if (!isText(name) || !isText(namespace) || !isText(uid) || !isMap(spec) || !isMap(status)) return undefined;
  if (nameProblem(name) !== undefined || labelNameProblem(namespace) !== undefined) return undefined;
  const { nodeName, serviceAccountName, hostNetwork = false } = spec;
  const { phase, podIP, hostIP } = status;
  if (![nodeName, serviceAccountName, phase, podIP, hostIP].every(isTextOrAbsent)) return undefined;
  if (typeof hostNetwork !== 'boolean') return undefined;
  const labels = textsOf(metadata['labels']);
  const podIPs = textsOfIps(status['podIPs']);
  const hostIPs = textsOfIps(status['hostIPs']);
  const ports = portsOf(spec['containers'], spec['initContainers']);
  if (labels === undefined || podIPs === undefined || hostIPs === undefined || ports === undefined) return undefined;
  const deleting = deletionTimestamp !== undefined && deletionTimestamp !== null;
  const isShown = podIPs.length > 0 || podIP !== undefined;
  // What the kubelet says goes before what annotations say, as long as the pod lives.
  const isSpent = isShown && !deleting && isMap(metadata['annotations']);
  const annotations = isSpent ? NO_TEXTS : annotationsOf(metadata['annotations']);
  if (annotations === undefined) return undefined;
  const resource = sharedPodOf(
    { namespace, name, uid, labels, annotations, deleting, place },
    {
      nodeName: nodeName as string | undefined,
      serviceAccountName: serviceAccountName as string | undefined,
      owner: ownerOf(metadata['ownerReferences']),
      hostNetwork,
      phase: phase as string | undefined,
      podIPs: addressesOf(podIPs, podIP as string | undefined),
      ports,
      gate: gateOf(spec['readinessGates'], status),
    },
  );
  return { resource, key: resourceKey(resource), diagnostics: [] };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || isText(value);
}

/** Pods of one template have the same labels. */
function textsOf(raw: unknown): Texts | undefined {
  if (raw === undefined) return NO_TEXTS;
  if (!isMap(raw) || !Object.values(raw).every((value) => typeof value === 'string')) return undefined;
  const labels = LABELS.get(JSON.stringify(raw), () => {
    const texts = new Map<string, string>();
    for (const [key, value] of Object.entries(raw))
      texts.set(VALUES.get(key, itself), VALUES.get(String(value), itself));
    return areLabels(texts) ? compactTexts(texts) : STRANGE;
  });
  return labels === STRANGE ? undefined : labels;
}

function annotationsOf(raw: unknown): Texts | undefined {
  if (raw === undefined) return NO_TEXTS;
  if (!isMap(raw)) return undefined;
  const texts = new Map<string, string>();
  for (const name of ADDRESS_ANNOTATIONS) {
    const value = raw[name];
    if (typeof value === 'string') texts.set(name, value);
    else if (value !== undefined) return undefined;
  }
  return texts.size === 0 ? NO_TEXTS : texts;
}

/** Lists that grow keep room for a dozen more, so they are made in one go. */
function textsOfIps(raw: unknown): readonly string[] | undefined {
  if (raw === undefined) return NO_IPS;
  if (!Array.isArray(raw)) return undefined;
  const ips = raw.map((entry: unknown) => (isMap(entry) && isText(entry['ip']) ? entry['ip'] : ''));
  return ips.includes('') ? undefined : ips;
}

function portsOf(...several: readonly unknown[]): readonly ContainerPort[] | undefined {
  let ports: ContainerPort[] | undefined;
  for (const containers of several) {
    if (containers === undefined) continue;
    if (!Array.isArray(containers)) return undefined;
    for (const container of containers) {
      if (!isMap(container)) return undefined;
      const { ports: written = [] } = container;
      if (!Array.isArray(written)) return undefined;
      for (const entry of written) {
        if (!isMap(entry)) return undefined;
        const { name, containerPort: port, protocol = 'TCP' } = entry;
        if (name === undefined) continue;
        if (!isText(name) || !isText(protocol) || !Number.isInteger(port)) return undefined;
        if (Number(port) < 1 || Number(port) > 65_535) return undefined;
        if (isPortProtocol(protocol)) (ports ??= []).push({ name, port: Number(port), protocol });
      }
    }
  }
  return ports === undefined ? NO_PORTS : PORTS.get(JSON.stringify(ports), () => [...ports]);
}
