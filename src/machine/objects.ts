import { warnOfFieldsBeyond } from '../api/known-fields.ts';
import { labelNameProblem, nameProblem, provisionalName } from '../api/names.ts';
import type { Scope } from '../api/scope.ts';
import { isMap, type RawMap, show } from '../api/shape.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { readDistance } from './frr/distance.ts';
import { type FirewallSpec, readFirewallSpec } from './kinds/firewall.ts';
import { FIREWALL_FIELDS, POLICY_FIELDS } from './kinds/known-fields.ts';
import { type MetalRule, readMetalRules, rulesField } from './kinds/metal-rules.ts';
import { type Network, readNetworks } from './kinds/network.ts';
import { type Policy, readPolicySpec } from './kinds/policy.ts';
import { readService, type Service } from './kinds/service.ts';
import { scopeOf, type Subject } from './subject.ts';

/** One document, with the way from a field of it to its place. */
export interface RawObject extends Pick<Subject, 'place' | 'locate' | 'base'> {
  readonly raw: unknown;
}

/** What the metal-api says of a firewall machine (v1: FirewallResponse, v2: Machine). */
export interface MetalFirewall {
  readonly name: string;
  readonly project: string;
  readonly networks: readonly Network[];
  readonly rules: readonly MetalRule[];
}

export interface FirewallObject {
  readonly namespace: string;
  readonly name: string;
  readonly spec: FirewallSpec;
  /** From 0 on. */
  readonly distance: number;
}

/** Objects that firewall machines read, of all sources together. */
export interface MachineObjects {
  readonly firewalls: readonly FirewallObject[];
  readonly policies: readonly Policy[];
  readonly services: readonly Service[];
  readonly metal: readonly MetalFirewall[];
  /** A Firewall, Policy or Service could not be told apart from others: who reads a whole state does not have one. */
  readonly doubtful: boolean;
}

/** The kinds that are read, by group; every other group is left alone. */
const KINDS: Readonly<Record<string, { readonly version: string; readonly kinds: readonly string[] }>> = {
  'metal-stack.io': { version: 'metal-stack.io/v1', kinds: ['ClusterwideNetworkPolicy'] },
  'firewall.metal-stack.io': {
    version: 'firewall.metal-stack.io/v2',
    kinds: ['Firewall', 'FirewallMonitor', 'FirewallSet', 'FirewallDeployment'],
  },
};

/**
 * Reads objects of any kinds. Kubernetes' own NetworkPolicy is none of these: a firewall machine does not act on it. Of an object that
 * stands twice the first counts.
 */
export function readMachineObjects(documents: Iterable<RawObject>, diagnostics: Diagnostic[]): MachineObjects {
  const firewalls: FirewallObject[] = [];
  const policies: Policy[] = [];
  const services: Service[] = [];
  const metal: MetalFirewall[] = [];
  const seen = new Map<string, Subject>();
  let doubtful = false;
  for (const { raw, ...where } of documents) {
    if (isMap(raw) && raw['kind'] === undefined && isMap(raw['allocation'])) {
      metal.push(readMetalFirewall(raw, raw['allocation'], { object: undefined, ...where }, diagnostics));
      continue;
    }
    if (!isMap(raw)) {
      const scope = scopeOf({ object: undefined, ...where }, diagnostics, 'It is left out.');
      scope.mistake('OBJECT_INVALID', `this document is ${show(raw)} and has to be an API object`);
      continue;
    }
    const kind = kindOf(raw, { object: undefined, ...where }, diagnostics);
    if (kind === undefined) continue;
    const identity = identityOf(kind, raw, { object: kind, ...where }, diagnostics);
    if (identity === undefined) {
      doubtful = true;
      continue;
    }
    const subject: Subject = { object: `${kind}/${identity.namespace}/${identity.name}`, ...where };
    const first = seen.get(subject.object ?? '');
    if (first !== undefined) {
      const at = first.place;
      scopeOf(subject, diagnostics).mistake(
        'MANIFEST_DUPLICATE',
        `the same object stands in ${at.file ?? 'the manifests'}:${at.line ?? 1}; that one counts, remove this one`,
      );
      continue;
    }
    seen.set(subject.object ?? '', subject);
    if (kind === 'ClusterwideNetworkPolicy') {
      warnOfFieldsBeyond(POLICY_FIELDS, raw, scopeOf(subject, diagnostics));
      const owner = subject.object ?? identity.name;
      const fields = { path: ['spec'], offset: 0 };
      policies.push({ subject, ...identity, owner, fields, spec: readPolicySpec(raw['spec']) });
    } else if (kind === 'Service') {
      const service = readService(raw, identity, subject, diagnostics);
      if (service !== undefined) services.push(service);
    } else if (kind === 'Firewall') {
      warnOfFieldsBeyond(FIREWALL_FIELDS, raw, scopeOf(subject, diagnostics));
      const status = isMap(raw['status']) ? raw['status'] : {};
      const networks = {
        raw: status['firewallNetworks'],
        path: [...where.base, 'status', 'firewallNetworks'],
      };
      const spec = { ...subject, base: [...where.base, 'spec'] };
      firewalls.push({
        ...identity,
        spec: readFirewallSpec(raw['spec'], networks, spec, diagnostics),
        distance: readDistance(raw['distance'], scopeOf(subject, diagnostics)),
      });
    }
  }
  return { firewalls, policies, services, metal, doubtful };
}

/** The kind of an object that is read; a slip in its version or name is told. */
function kindOf(raw: RawMap, subject: Subject, diagnostics: Diagnostic[]): string | undefined {
  const { apiVersion, kind } = raw;
  const left = (): Scope => scopeOf({ ...subject, object: provisionalName(kind, raw) }, diagnostics, 'It is left out.');
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || apiVersion === '' || kind === '') {
    const absent = ['apiVersion', 'kind'].filter((key) => typeof raw[key] !== 'string' || raw[key] === '');
    left().mistake('OBJECT_INVALID', `this document is no API object: it has no ${absent.join(' and no ')}`);
    return undefined;
  }
  if (apiVersion === 'v1' && kind === 'Service') return kind;
  const known = KINDS[apiVersion.split('/', 1)[0] ?? ''] ?? groupOf(kind);
  if (known === undefined) return undefined;
  if (!known.kinds.includes(kind)) {
    left().mistake('KIND_UNKNOWN', `there is no kind ${show(kind)} here; known: ${known.kinds.join(', ')}`, 'kind');
    return undefined;
  }
  if (apiVersion === known.version) return kind;
  left().mistake('VERSION_UNKNOWN', `${kind} is read in ${known.version}, not in ${show(apiVersion)}`, 'apiVersion');
  return undefined;
}

/** The group of a kind that nobody else has, so that an object of another group was meant as one of it. There are other Firewalls. */
function groupOf(kind: string): (typeof KINDS)[string] | undefined {
  return kind === 'Firewall' ? undefined : Object.values(KINDS).find(({ kinds }) => kinds.includes(kind));
}

function identityOf(
  kind: string,
  raw: RawMap,
  subject: Subject,
  diagnostics: Diagnostic[],
): { readonly namespace: string; readonly name: string } | undefined {
  const scope = scopeOf(subject, diagnostics, 'The object is left out.').at('metadata');
  const metadata = isMap(raw['metadata']) ? raw['metadata'] : {};
  const { name, namespace = 'default' } = metadata;
  const problem = typeof name !== 'string' ? `the ${kind} has no name; write one` : nameProblem(name);
  if (problem !== undefined) scope.mistake('NAME_INVALID', problem, 'name');
  const unplaced = typeof namespace !== 'string' ? `${show(namespace)} is no namespace` : labelNameProblem(namespace);
  if (unplaced !== undefined) scope.mistake('NAME_INVALID', unplaced, 'namespace');
  if (problem !== undefined || unplaced !== undefined) return undefined;
  return { namespace: String(namespace), name: String(name) };
}

function readMetalFirewall(
  raw: RawMap,
  allocation: RawMap,
  subject: Subject,
  diagnostics: Diagnostic[],
): MetalFirewall {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const within = { ...subject, base: [...subject.base, 'allocation'] };
  const rules = rulesField(allocation);
  return {
    name: text(allocation['hostname']) || text(allocation['name']) || text(raw['name']),
    project: text(allocation['project']),
    networks: readNetworks(
      allocation['networks'],
      scopeOf(within, diagnostics).at('networks'),
      text(allocation['project']),
    ),
    rules: readMetalRules(allocation[rules], { ...within, base: [...within.base, rules] }, diagnostics),
  };
}
