import { isMap, type RawMap } from '../../../api/shape.ts';
import type { Diagnostic } from '../../../base/diagnostic.ts';
import { RANGES_ANNOTATION } from '../../../machine/kinds/service.ts';
import { type MachineObjects, readMachineObjects } from '../../../machine/objects.ts';

/** The kinds that a firewall machine reads from clusters. */
export type MachineKind = 'Firewall' | 'ClusterwideNetworkPolicy' | 'Service' | 'FirewallMonitor';

interface KindOfMachine {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /**
   * `all`: of every namespace; `own`: of the source's; `asToday`: of every namespace while the source's is the one that today's controller
   * knows alone, so that whoever writes elsewhere is told, and where that may not be read, or other machines have theirs, of its own.
   */
  readonly where: 'all' | 'own' | 'asToday';
  /** The parts that are kept; everything else may hold secrets, or changes all the time. */
  readonly keep: (object: RawMap) => RawMap;
  /** Rules follow from it, but for its status. */
  readonly isRule: boolean;
}

export const machineKinds: Readonly<Record<MachineKind, KindOfMachine>> = {
  Firewall: {
    group: 'firewall.metal-stack.io',
    version: 'v2',
    plural: 'firewalls',
    where: 'own',
    // Of the status only what its manager says once; the rest is the echo of what we report.
    keep: ({ spec, status, distance }) => ({
      spec: without(spec, ['userdata', 'userdataContents']),
      distance,
      status: only(status, ['firewallNetworks', 'shootAccess']),
    }),
    isRule: true,
  },
  ClusterwideNetworkPolicy: {
    group: 'metal-stack.io',
    version: 'v1',
    plural: 'clusterwidenetworkpolicies',
    where: 'asToday',
    keep: ({ spec, status }) => ({ spec, status }),
    isRule: true,
  },
  Service: {
    group: '',
    version: 'v1',
    plural: 'services',
    where: 'all',
    keep: ({ metadata, spec, status }) => ({
      // Rules follow from it. All other annotations are kept beside, and nothing follows from them.
      metadata: { annotations: only(isMap(metadata) ? metadata['annotations'] : undefined, [RANGES_ANNOTATION]) },
      spec: only(spec, ['type', 'loadBalancerIP', 'loadBalancerSourceRanges', 'ports']),
      status: only(status, ['loadBalancer']),
    }),
    isRule: true,
  },
  FirewallMonitor: {
    group: 'firewall.metal-stack.io',
    version: 'v2',
    plural: 'firewallmonitors',
    where: 'own',
    // Of what we say there ourselves, every ten seconds, nothing follows.
    keep: (object) => without(object, ['metadata', 'apiVersion', 'kind', 'controllerStatus']),
    isRule: false,
  },
};

/** One object of a cluster, as far as a firewall machine has to do with it. */
export interface ClusterObject {
  readonly kind: MachineKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string | undefined;
  /** It is being deleted. */
  readonly isLeaving: boolean;
  /** With `apiVersion`, `kind`, and of `metadata` the names, annotations and labels. */
  readonly raw: RawMap;
  /** Equal texts give equal rules. */
  readonly ruleText: string;
}

/** An object as a server, or our own memory, has it. */
export function clusterObject(kind: MachineKind, object: RawMap): ClusterObject | undefined {
  const { group, version, keep, isRule } = machineKinds[kind];
  const metadata = isMap(object['metadata']) ? object['metadata'] : {};
  const { name, namespace = '', uid } = metadata;
  if (typeof name !== 'string' || typeof namespace !== 'string') return undefined;
  const kept = keep(object);
  const identity = { apiVersion: group === '' ? version : `${group}/${version}`, kind };
  const named = only(metadata, ['name', 'namespace', 'uid', 'annotations', 'labels', 'deletionTimestamp']);
  const annotations = without(named['annotations'], ['kubectl.kubernetes.io/last-applied-configuration']);
  const raw = { ...identity, ...kept, metadata: { ...named, annotations } };
  // A policy's status is our own word.
  const ofRules = kind === 'ClusterwideNetworkPolicy' ? kept['spec'] : kept;
  const ruleText = isRule ? JSON.stringify(ofRules) : '';
  const isLeaving = metadata['deletionTimestamp'] !== undefined;
  return { kind, namespace, name, uid: typeof uid === 'string' ? uid : undefined, isLeaving, raw, ruleText };
}

type Raw = { readonly raw: RawMap };

const NOTHING: MachineObjects = { firewalls: [], policies: [], services: [], metal: [], doubtful: false };

/** Reads objects as the rules need them, each once as long as it is the same; mistakes are said to stand in `source`. */
export class ReadObjects {
  readonly #read = new WeakMap<Raw, { readonly objects: MachineObjects; readonly found: readonly Diagnostic[] }>();
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  of(objects: Iterable<Raw>, diagnostics: Diagnostic[]): MachineObjects {
    const all = [...objects].map((object) => this.#one(object));
    for (const { found } of all) diagnostics.push(...found);
    return joined(all.map((each) => each.objects));
  }

  #one(object: Raw): { readonly objects: MachineObjects; readonly found: readonly Diagnostic[] } {
    let known = this.#read.get(object);
    if (known === undefined) {
      const found: Diagnostic[] = [];
      const place = { file: this.#source };
      known = { objects: readMachineObjects([{ raw: object.raw, place, locate: undefined, base: [] }], found), found };
      this.#read.set(object, known);
    }
    return known;
  }
}

/** Objects of several readings as one. */
export function joined(parts: readonly MachineObjects[]): MachineObjects {
  if (parts.length === 0) return NOTHING;
  return {
    firewalls: parts.flatMap(({ firewalls }) => firewalls),
    policies: parts.flatMap(({ policies }) => policies),
    services: parts.flatMap(({ services }) => services),
    metal: parts.flatMap(({ metal }) => metal),
    doubtful: parts.some(({ doubtful }) => doubtful),
  };
}

function only(value: unknown, keys: readonly string[]): RawMap {
  if (!isMap(value)) return {};
  return Object.fromEntries(keys.flatMap((key) => (value[key] === undefined ? [] : [[key, value[key]]])));
}

function without(value: unknown, keys: readonly string[]): RawMap {
  if (!isMap(value)) return {};
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}
