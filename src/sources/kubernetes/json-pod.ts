import { areLabels, labelNameProblem, nameProblem } from '../../api/names.ts';
import { ADDRESS_ANNOTATIONS, NO_ADDRESSES, gateOf, isPortProtocol, ownerOf, podOf } from '../../api/pod.ts';
import type { ContainerPort, ReadResource, Resource } from '../../api/resource.ts';
import { type RawMap, isMap } from '../../api/shape.ts';
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { Shared, itself } from '../../base/shared.ts';
import { NO_TEXTS, compactTexts } from '../../base/text-map.ts';
import type { Address } from '../../ip/address.ts';
import type { Read, Sent } from './encoding.ts';
import { readAddress } from './ipv4-bytes.ts';
import { JsonNames } from './json-names.ts';
import { END, type JsonScan, parseJson } from './json-scan.ts';
import { SharedByBytes } from './shared-by-bytes.ts';
import { ShortTexts } from './short-texts.ts';
import { Undecodable } from './undecodable.ts';

type Texts = ReadonlyMap<string, string>;

/** The members that are read, numbered from 0. */
const POD = new JsonNames('metadata', 'spec', 'status');
const METADATA = new JsonNames(
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'deletionTimestamp',
  'labels',
  'annotations',
  'ownerReferences',
);
const SPEC = new JsonNames(
  'nodeName',
  'serviceAccountName',
  'hostNetwork',
  'containers',
  'initContainers',
  'readinessGates',
);
const CONTAINER = new JsonNames('ports');
const STATUS = new JsonNames('phase', 'podIP', 'hostIP', 'podIPs', 'hostIPs', 'conditions');
const IP = new JsonNames('ip');

const NO_DIAGNOSTICS: readonly Diagnostic[] = [];
const NO_PORTS: readonly ContainerPort[] = [];
const NO_SPANS: readonly number[] = [];

/** Pods of one template have the same labels, owner, and ports, by the bytes they are written in. `undefined`: no server can have taken them. */
const LABELS = new SharedByBytes((bytes, start, end) => labelsOf(parseJson(bytes, start, end)));
const OWNERS = new SharedByBytes((bytes, start, end) => ownerOf(parseJson(bytes, start, end)));
const PORTS = new SharedByBytes((bytes, start, end) => portsOf(parseJson(bytes, start, end)));
const SEVERAL = new Shared<readonly ContainerPort[]>();
const VALUES = new Shared<string>();
const TEXTS = new ShortTexts();

/** Where a value stands; both zero: there is none. */
class Part {
  start = 0;
  end = 0;

  take(scan: JsonScan): void {
    this.start = scan.start;
    scan.skip();
    this.end = scan.position;
  }

  get isThere(): boolean {
    return this.end > 0;
  }

  read(bytes: Buffer): unknown {
    return this.isThere ? parseJson(bytes, this.start, this.end) : undefined;
  }
}

/**
 * A pod as servers write it, gone through once. Making one throws `Undecodable` where anything is written otherwise: whether that is wrong, and
 * what it means, is for `JSON.parse` and `readResource` to say.
 */
export class JsonPod implements Sent {
  name = '';
  namespace = '';
  uid = '';
  version = '';
  readonly #bytes: Buffer;
  readonly #place: Place;
  readonly #start: number;
  readonly #end: number;
  readonly #atLength: (item: RawMap, metadata: RawMap) => ReadResource;
  #isDeleting = false;
  readonly #labels = new Part();
  readonly #annotations = new Part();
  readonly #owners = new Part();
  #nodeName: string | undefined;
  #serviceAccountName: string | undefined;
  #hostNetwork = false;
  readonly #gates = new Part();
  /** Of each container, from where to where. */
  #ports: readonly number[] = NO_SPANS;
  #initPorts: readonly number[] = NO_SPANS;
  #phase: string | undefined;
  #podIP: Address | string | undefined;
  #podIPs: readonly (Address | string)[] = NO_ADDRESSES;
  readonly #conditions = new Part();

  /** `atLength` reads what `JSON.parse` makes of it. */
  constructor(scan: JsonScan, place: Place, atLength: (item: RawMap, metadata: RawMap) => ReadResource) {
    this.#bytes = scan.bytes;
    this.#place = place;
    this.#atLength = atLength;
    this.#start = scan.start;
    let seen = 0;
    scan.openObject();
    for (let member = scan.next(POD); member !== END; member = scan.next(POD)) {
      seen = once(seen, member);
      if (member === 0) this.#metadata(scan);
      else if (member === 1) this.#spec(scan);
      else this.#status(scan);
    }
    if (this.name === '' || this.namespace === '' || this.uid === '' || this.version === '')
      throw new Undecodable('a pod lacks something');
    this.#end = scan.position;
  }

  read(): Read<Resource> {
    const sound = this.#sound();
    if (sound !== undefined) return sound;
    const item = parseJson(this.#bytes, this.#start, this.#end) as RawMap;
    return this.#atLength(item, item['metadata'] as RawMap);
  }

  #metadata(scan: JsonScan): void {
    let seen = 0;
    scan.openObject();
    for (let member = scan.next(METADATA); member !== END; member = scan.next(METADATA)) {
      seen = once(seen, member);
      switch (member) {
        case 0:
          this.name = text(scan);
          break;
        case 1:
          this.namespace = sharedText(scan);
          break;
        case 2:
          this.uid = text(scan);
          break;
        case 3:
          this.version = text(scan);
          break;
        case 4:
          this.#isDeleting = !scan.isNull;
          scan.skip();
          break;
        case 5:
          this.#labels.take(scan);
          break;
        case 6:
          if (!scan.isObject) throw new Undecodable('annotations are none');
          this.#annotations.take(scan);
          break;
        default:
          this.#owners.take(scan);
      }
    }
  }

  #spec(scan: JsonScan): void {
    let seen = 0;
    scan.openObject();
    for (let member = scan.next(SPEC); member !== END; member = scan.next(SPEC)) {
      seen = once(seen, member);
      switch (member) {
        case 0:
          this.#nodeName = sharedText(scan);
          break;
        case 1:
          this.#serviceAccountName = sharedText(scan);
          break;
        case 2:
          this.#hostNetwork = scan.flag();
          break;
        case 3:
          this.#ports = portSpans(scan);
          break;
        case 4:
          this.#initPorts = portSpans(scan);
          break;
        default:
          this.#gates.take(scan);
      }
    }
  }

  #status(scan: JsonScan): void {
    let seen = 0;
    scan.openObject();
    for (let member = scan.next(STATUS); member !== END; member = scan.next(STATUS)) {
      seen = once(seen, member);
      switch (member) {
        case 0:
          this.#phase = sharedText(scan);
          break;
        case 1:
          scan.plainText();
          this.#podIP = readAddress(scan.bytes, scan.textStart, scan.textEnd);
          break;
        case 2:
          scan.plainText();
          break;
        case 3:
          this.#podIPs = addresses(scan);
          break;
        case 4:
          addresses(scan);
          break;
        default:
          this.#conditions.take(scan);
      }
    }
  }

  /** `undefined`: something is not as a server can have taken it. */
  #sound(): Read<Resource> | undefined {
    const { name, namespace, uid } = this;
    const labels = this.#labels.isThere ? LABELS.get(this.#bytes, this.#labels.start, this.#labels.end) : NO_TEXTS;
    const annotations = this.#usedAnnotations();
    const ports = this.#allPorts();
    if (labels === undefined || annotations === undefined || ports === undefined) return undefined;
    if (nameProblem(name) !== undefined || labelNameProblem(namespace) !== undefined) return undefined;
    const resource = podOf(
      { namespace, name, uid, labels, annotations, deleting: this.#isDeleting, place: this.#place },
      {
        nodeName: this.#nodeName,
        serviceAccountName: this.#serviceAccountName,
        owner: this.#owners.isThere ? OWNERS.get(this.#bytes, this.#owners.start, this.#owners.end) : undefined,
        hostNetwork: this.#hostNetwork,
        phase: this.#phase,
        podIPs: this.#podIPs.length === 0 && this.#podIP !== undefined ? [this.#podIP] : this.#podIPs,
        ports,
        gate: this.#gates.isThere
          ? gateOf(this.#gates.read(this.#bytes), { conditions: this.#conditions.read(this.#bytes) })
          : undefined,
      },
    );
    return { resource, diagnostics: NO_DIAGNOSTICS };
  }

  #usedAnnotations(): Texts | undefined {
    // What the kubelet says goes before what annotations say, as long as the pod lives.
    const isShown = this.#podIPs.length > 0 || this.#podIP !== undefined;
    if (!this.#annotations.isThere || (isShown && !this.#isDeleting)) return NO_TEXTS;
    return annotationsOf(this.#annotations.read(this.#bytes) as RawMap);
  }

  #allPorts(): readonly ContainerPort[] | undefined {
    const spans = this.#initPorts.length === 0 ? this.#ports : [...this.#ports, ...this.#initPorts];
    if (spans.length === 2) return PORTS.get(this.#bytes, spans[0] as number, spans[1] as number);
    const all: ContainerPort[] = [];
    for (let n = 0; n < spans.length; n += 2) {
      const ports = PORTS.get(this.#bytes, spans[n] as number, spans[n + 1] as number);
      if (ports === undefined) return undefined;
      all.push(...ports);
    }
    return all.length === 0 ? NO_PORTS : SEVERAL.get(JSON.stringify(all), () => all);
  }
}

/** Notes that a member is there. Of a name that comes twice the last counts, and one with an escape may be any. */
function once(seen: number, member: number): number {
  const bit = 1 << member;
  if (member < 0 || (seen & bit) !== 0) throw new Undecodable('a member is written in an odd way');
  return seen | bit;
}

function text(scan: JsonScan): string {
  scan.plainText();
  return scan.bytes.toString('utf8', scan.textStart, scan.textEnd);
}

/** A text that comes again and again. */
function sharedText(scan: JsonScan): string {
  scan.plainText();
  return TEXTS.get(scan.bytes, scan.textStart, scan.textEnd);
}

/** Where the ports of each container in a list stand. */
function portSpans(scan: JsonScan): readonly number[] {
  let spans: number[] | undefined;
  scan.openList();
  while (scan.nextItem()) {
    let seen = 0;
    scan.openObject();
    for (let member = scan.next(CONTAINER); member !== END; member = scan.next(CONTAINER)) {
      seen = once(seen, member);
      const { start } = scan;
      scan.skip();
      if (spans === undefined) spans = [start, scan.position];
      else spans.push(start, scan.position);
    }
  }
  return spans ?? NO_SPANS;
}

/** The addresses of a list of PodIPs or HostIPs; a list that grows would keep room for a dozen more. */
function addresses(scan: JsonScan): readonly (Address | string)[] {
  let all = NO_ADDRESSES as readonly (Address | string)[];
  scan.openList();
  while (scan.nextItem()) {
    let seen = 0;
    scan.openObject();
    for (let member = scan.next(IP); member !== END; member = scan.next(IP)) {
      seen = once(seen, member);
      scan.plainText();
      const address = readAddress(scan.bytes, scan.textStart, scan.textEnd);
      all = all.length === 0 ? [address] : [...all, address];
    }
    if (seen === 0) throw new Undecodable('an address is missing');
  }
  return all;
}

function labelsOf(raw: unknown): Texts | undefined {
  if (!isMap(raw) || !Object.values(raw).every((value) => typeof value === 'string')) return undefined;
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(raw)) texts.set(VALUES.get(key, itself), VALUES.get(String(value), itself));
  return areLabels(texts) ? compactTexts(texts) : undefined;
}

function annotationsOf(raw: RawMap): Texts | undefined {
  const texts = new Map<string, string>();
  for (const name of ADDRESS_ANNOTATIONS) {
    const value = raw[name];
    if (typeof value === 'string') texts.set(name, value);
    else if (value !== undefined) return undefined;
  }
  return texts.size === 0 ? NO_TEXTS : texts;
}

/** The ports of one container. */
function portsOf(raw: unknown): readonly ContainerPort[] | undefined {
  if (!Array.isArray(raw)) return undefined;
  const ports: ContainerPort[] = [];
  for (const entry of raw as readonly unknown[]) {
    if (!isMap(entry)) return undefined;
    const { name, containerPort: port, protocol = 'TCP' } = entry;
    if (name === undefined) continue;
    if (typeof name !== 'string' || name === '' || typeof protocol !== 'string' || protocol === '') return undefined;
    if (!Number.isInteger(port) || Number(port) < 1 || Number(port) > 65_535) return undefined;
    if (isPortProtocol(protocol)) ports.push({ name, port: Number(port), protocol });
  }
  return ports;
}
