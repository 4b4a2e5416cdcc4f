import { fieldMeant } from './mistake.ts';
import type { ResourceType } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, isMap, show } from './shape.ts';

/** The fields of a map, each with what may stand in it; of a list, what may stand in its entries. `any`: not looked into. */
export interface Known {
  readonly [field: string]: Known | 'any';
}

const labelSelector = { matchLabels: 'any', matchExpressions: { key: 'any', operator: 'any', values: 'any' } } as const;

const kubernetesPeer = {
  podSelector: labelSelector,
  namespaceSelector: labelSelector,
  ipBlock: { cidr: 'any', except: 'any' },
} as const;
const kubernetesPorts = { protocol: 'any', port: 'any', endPort: 'any' } as const;
const kubernetesPolicy = {
  podSelector: labelSelector,
  policyTypes: 'any',
  ingress: { from: kubernetesPeer, ports: kubernetesPorts },
  egress: { to: kubernetesPeer, ports: kubernetesPorts },
} as const;

const calicoEntity = {
  nets: 'any',
  notNets: 'any',
  selector: 'any',
  notSelector: 'any',
  namespaceSelector: 'any',
  serviceAccounts: { names: 'any', selector: 'any' },
  services: { name: 'any', namespace: 'any' },
  ports: 'any',
  notPorts: 'any',
  domains: 'any',
} as const;
const calicoIcmp = { type: 'any', code: 'any' } as const;
const calicoRule = {
  action: 'any',
  metadata: 'any',
  ipVersion: 'any',
  protocol: 'any',
  notProtocol: 'any',
  icmp: calicoIcmp,
  notICMP: calicoIcmp,
  source: calicoEntity,
  destination: calicoEntity,
  http: { methods: 'any', headers: 'any', paths: { exact: 'any', prefix: 'any' } },
} as const;
const calicoRules = { ingress: calicoRule, egress: calicoRule } as const;
const calicoPolicy = {
  tier: 'any',
  order: 'any',
  selector: 'any',
  serviceAccountSelector: 'any',
  types: 'any',
  performanceHints: 'any',
  ...calicoRules,
} as const;
const calicoGlobalPolicy = {
  ...calicoPolicy,
  namespaceSelector: 'any',
  doNotTrack: 'any',
  preDNAT: 'any',
  applyOnForward: 'any',
} as const;
const staged = { stagedAction: 'any' } as const;
const networkSet = { nets: 'any', allowedEgressDomains: 'any' } as const;

/** What may stand in `spec` (calico.md 2 to 6, policy semantics 8.1). Kinds that are not here are not looked into. */
const specs: Partial<Record<ResourceType, Known>> = {
  KubernetesNetworkPolicy: kubernetesPolicy,
  NetworkPolicy: calicoPolicy,
  GlobalNetworkPolicy: calicoGlobalPolicy,
  StagedNetworkPolicy: { ...calicoPolicy, ...staged },
  StagedGlobalNetworkPolicy: { ...calicoGlobalPolicy, ...staged },
  StagedKubernetesNetworkPolicy: { ...kubernetesPolicy, ...staged },
  Tier: { order: 'any', defaultAction: 'any' },
  NetworkSet: networkSet,
  GlobalNetworkSet: networkSet,
  Profile: { labelsToApply: 'any', ...calicoRules },
  HostEndpoint: {
    node: 'any',
    interfaceName: 'any',
    expectedIPs: 'any',
    profiles: 'any',
    ports: { name: 'any', protocol: 'any', port: 'any' },
  },
};

/** The most that are told of one object. */
const LIMIT = 20;

/** Warns of fields of others' kinds that nobody knows. */
export function warnOfUnknownFields(type: ResourceType, object: RawMap, scope: Scope): void {
  const spec = specs[type];
  if (spec === undefined) return;
  warnOfFieldsBeyond({ apiVersion: 'any', kind: 'any', metadata: 'any', status: 'any', spec }, object, scope);
}

/**
 * Warns of fields that are not among those that are known. The API of the object's kind ignores them, and so do we; but a rule of which half is
 * misspelt says something else than its author thinks: `form:` for `from:` lets everybody in.
 */
export function warnOfFieldsBeyond(all: Known, object: RawMap, scope: Scope): void {
  let told = 0;
  // Nearly every field is known: of those nothing is made but the way to where we are.
  const here: (string | number)[] = [];
  const enter = (step: string | number, raw: unknown, known: Known): void => {
    here.push(step);
    look(raw, known);
    here.pop();
  };
  const look = (raw: unknown, known: Known): void => {
    if (Array.isArray(raw)) {
      // A list in a list is a mistake, however deep it goes, and no place for fields.
      for (let index = 0; index < raw.length; index++) if (isMap(raw[index])) enter(index, raw[index], known);
      return;
    }
    if (!isMap(raw)) return;
    for (const field of Object.keys(raw)) {
      const inside = Object.hasOwn(known, field) ? known[field] : undefined;
      if (inside === undefined) {
        told += 1;
        if (told <= LIMIT) scope.warning('FIELD_UNKNOWN', ignored(field, known), ...here, field);
      } else if (inside !== 'any' && raw[field] !== null) enter(field, raw[field], inside);
    }
  };
  look(object, all);
  if (told > LIMIT) scope.warning('FIELD_UNKNOWN', `${told - LIMIT} more fields that are not known`);
}

function ignored(field: string, known: Known): string {
  return `there is no field ${show(field)} here, so what it says is ignored; ${fieldMeant(field, Object.keys(known))}`;
}
