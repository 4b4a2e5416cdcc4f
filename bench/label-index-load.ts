import type { IndexedEndpoint, PortOfSet } from '../src/engine/label-index/label-index.ts';
import type { Delta } from '../src/engine/label-index/delta.ts';

/** Sizes and kind of a label-index load. */
export interface LoadOptions {
  readonly endpoints: number;
  readonly selectors: number;
  /** Adds network sets, ports to endpoints, and sets of named ports. */
  readonly outside: boolean;
}

/** One call of `setSelector`. */
export interface LoadedSet {
  readonly id: string;
  readonly selector: string;
  readonly port: PortOfSet | undefined;
}

/**
 * A synthetic cluster: endpoints of namespaces with labels that are skewed as real ones are, selectors of ten shapes and five broad ones.
 * `bench/peers/felix/load.go` is the same in Go; the checksums of the readers tell when the two differ.
 */
export class LabelIndexLoad {
  readonly endpoints: number;
  readonly selectors: number;
  readonly namespaces: number;
  readonly networkSets: number;
  readonly #outside: boolean;

  constructor({ endpoints, selectors, outside }: LoadOptions) {
    this.endpoints = endpoints;
    this.selectors = selectors;
    this.namespaces = Math.max(10, Math.floor(endpoints / 250));
    this.networkSets = outside ? Math.floor(endpoints / 1000) : 0;
    this.#outside = outside;
  }

  endpointId(i: number): string {
    return `pod:ns${i % this.namespaces}/p${i}`;
  }

  /** Endpoint i; a relabelled one has `shift` added to each constant of its labels. */
  endpoint(i: number, shift: number): IndexedEndpoint {
    const pick = (k: number, n: number): number => hash(i, k + shift) % n;
    const namespace = `ns${i % this.namespaces}`;
    const labels = new Map([
      ['projectcalico.org/namespace', namespace],
      ['projectcalico.org/orchestrator', 'k8s'],
      ['app', `app-${pick(1, 500)}`],
      ['tier', TIERS[pick(2, 3)] ?? ''],
      ['version', `v${pick(3, 20)}`],
      ['pod-template-hash', (hash(Math.floor(i / 10), 4 + shift) + 2 ** 32).toString(16).slice(1)],
    ]);
    if (pick(5, 2) === 0) labels.set('role', `r${pick(6, 8)}`);
    const ports = i % 4 === 0 ? [HTTP, DNS] : [HTTP];
    return {
      labels,
      nets: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`],
      ports: this.#outside ? ports : [],
      parents: [`kns.${namespace}`],
    };
  }

  /** Network set x: ten prefixes that each five sets share, with the labels of a tier and a namespace. */
  networkSet(x: number): IndexedEndpoint {
    const nets: string[] = [];
    for (let n = 0; n < 10; n++) {
      const block = Math.floor(x / 5) * 10 + n;
      nets.push(`172.${16 + (block >> 8)}.${block & 255}.0/24`);
    }
    return {
      labels: { tier: TIERS[x % 3] ?? '', app: `app-${x % 500}` },
      nets,
      ports: [],
      parents: [this.parentId(x % this.namespaces)],
    };
  }

  parentId(x: number): string {
    return `kns.ns${x}`;
  }

  /** Labels of namespace x; `later` moves it on to another environment. */
  parentLabels(x: number, later: number): ReadonlyMap<string, string> {
    return new Map([
      ['pcns.projectcalico.org/name', `ns${x}`],
      ['pcns.env', ENVIRONMENTS[(x + later) % 4] ?? ''],
      ['pcns.team', `t${x % 20}`],
    ]);
  }

  broadSets(): readonly LoadedSet[] {
    return BROAD.map((selector, n) => ({ id: `broad-${n}`, selector, port: undefined }));
  }

  set(j: number): LoadedSet {
    return { id: `s${j}`, selector: this.#selector(j), port: this.#outside ? PORTS_OF_SETS.get(j % 10) : undefined };
  }

  #selector(j: number): string {
    const app = (k: number): string => `app-${hash(j, k) % 500}`;
    const namespace = `ns${hash(j, 20) % this.namespaces}`;
    switch (j % 10) {
      case 4:
        return `pcns.projectcalico.org/name == '${namespace}'`;
      case 5:
        return `app in {'${app(8)}', '${app(9)}', '${app(10)}'} && tier == 'be'`;
      case 6:
        return `pcns.env == 'prod' && app == '${app(11)}' && has(role)`;
      case 7:
        return `role == 'r3' && version starts with 'v1' && app == '${app(12)}'`;
      case 8:
        return `app == '${app(13)}' && version not in {'v1', 'v2'}`;
      case 9:
        return `pcns.team == 't${hash(j, 14) % 20}' && tier != 'db' && app == '${app(15)}'`;
      default:
        return `projectcalico.org/namespace == '${namespace}' && app == '${app(7)}'`;
    }
  }
}

const TIERS = ['fe', 'be', 'db'];
const ENVIRONMENTS = ['prod', 'dev', 'test', 'stage'];
const BROAD = ['all()', 'has(app)', "pcns.env == 'prod'", "tier == 'fe'", '!has(role)'];
const HTTP = { name: 'http', proto: 'TCP', port: 8080 };
const DNS = { name: 'dns', proto: 'UDP', port: 53 };
const PORTS_OF_SETS: ReadonlyMap<number, PortOfSet> = new Map([
  [0, { namedPort: 'http', namedPortProtocol: 'tcp' }],
  [4, { namedPort: 'dns', namedPortProtocol: 'udp' }],
]);

/** The load's own, on unsigned 32-bit integers. */
export function hash(i: number, k: number): number {
  let x = (Math.imul(i, 2654435761) + Math.imul(k, 40503) + 12345) >>> 0;
  x = (x ^ (x << 13)) >>> 0;
  x = (x ^ (x >>> 17)) >>> 0;
  return (x ^ (x << 5)) >>> 0;
}

/** Takes in deltas. Two readers that hold the same members have the same checksum, whatever came in between. */
export class LoadReader {
  members = 0;
  #checksum = 0;

  get checksum(): number {
    return this.#checksum >>> 0;
  }

  apply({ added, removed }: Delta): void {
    this.members += added.length - removed.length;
    for (const { set, member } of added) this.#checksum = (this.#checksum + fingerprint(set, member)) | 0;
    for (const { set, member } of removed) this.#checksum = (this.#checksum - fingerprint(set, member)) | 0;
  }
}

const TCP = 6;
const UDP = 17;
const PRIME = 16777619;

/** FNV-1a over the letters of the set's id and the numbers of the member, stirred so that sums tell sets apart. IPv4 only. */
function fingerprint(set: string, member: string): number {
  let x = 2166136261;
  for (let n = 0; n < set.length; n++) x = Math.imul(x ^ set.charCodeAt(n), PRIME);
  let value = 0;
  for (let n = 0; n < member.length; n++) {
    const letter = member.charCodeAt(n);
    if (letter >= ZERO && letter <= NINE) {
      value = value * 10 + letter - ZERO;
    } else if (letter === COMMA) {
      x = Math.imul(x ^ value, PRIME);
      value = member.charCodeAt(n + 1) === LETTER_T ? TCP : UDP;
    } else if (letter === DOT || letter === SLASH || letter === COLON) {
      x = Math.imul(x ^ value, PRIME);
      value = 0;
    }
  }
  x = Math.imul(x ^ value, PRIME);
  x = Math.imul(x ^ (x >>> 16), 2246822507);
  x = Math.imul(x ^ (x >>> 13), 3266489909);
  return x ^ (x >>> 16);
}

const [ZERO, NINE, DOT, SLASH, COLON, COMMA, LETTER_T] = ['0', '9', '.', '/', ':', ',', 't'].map((letter) =>
  letter.charCodeAt(0),
) as [number, number, number, number, number, number, number];
