import { CALICO, CALICO_STORAGE, type Kind, OUR_GROUP, kinds } from '../api/kinds.ts';
import type { ResourceType } from '../api/resource.ts';

/** What a right is for; each can be left out alone, with what it costs (`features`). */
export type Feature = 'watch' | 'status' | 'leaving' | 'events' | 'leases' | 'credentials' | 'queries' | 'readiness';

/** What is missing without a feature's rights. */
export const features: Readonly<Record<Feature, string>> = {
  watch: 'without them nothing is known of a kind, and no firewall that depends on it gets a plan',
  status: 'without them `kubectl get` shows nothing; firewalls are kept in step all the same',
  leaving:
    'without them a BorderFirewall with `onDelete: Remove` goes at once when it is deleted, and its device is left only by a copy that runs then',
  events: 'without them `kubectl describe` tells no story',
  leases: 'without them no firewall is written to, because two copies could write to it at once',
  credentials: 'without them firewalls whose `credentialsRef` names a Secret are not reached',
  queries: 'without them metrics and queries are answered on loopback alone',
  readiness:
    'without them pods that wait for the border wait for ever; off unless asked for, and a service account of its own',
};

/** One thing that Sallyport asks of an API server. */
export interface Right {
  readonly feature: Feature;
  /** `''` is the core group. */
  readonly group: string;
  readonly resource: string;
  /** Absent: the object itself. */
  readonly subresource?: string;
  readonly verbs: readonly Verb[];
  /** Our own namespace, or the whole cluster. */
  readonly scope: 'OwnNamespace' | 'Cluster';
  /** Only objects of these names; absent: any. */
  readonly names?: readonly string[];
  readonly why: string;
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** Calico computes these from other objects and stores them nowhere. */
const NOT_STORED: ReadonlySet<ResourceType> = new Set<ResourceType>(['Profile', 'WorkloadEndpoint']);

function watching(kind: Kind): readonly Right[] {
  const right: Right = {
    feature: 'watch',
    group: kind.group,
    resource: kind.plural,
    verbs: ['list', 'watch'],
    scope: 'Cluster',
    why: whatFor[kind.type],
  };
  if (kind.group !== CALICO || NOT_STORED.has(kind.type)) return [right];
  return [right, { ...right, group: CALICO_STORAGE, why: `${right.why}, where Calico has no API server` }];
}

const REPEATED = 'policies that a border repeats, and questions about them';
const STAGED = 'shown where it would stand, never enforced';
const SETS = 'networks that rules choose by label';
const LABELS = 'labels that selectors ask for';
const OURS = 'what people ask of the border';

const whatFor: Readonly<Record<ResourceType, string>> = {
  Pod: 'whose address is which',
  Namespace: LABELS,
  ServiceAccount: LABELS,
  Node: 'addresses that pods hide behind',
  EndpointSlice: 'backends of services that rules name',
  KubernetesNetworkPolicy: REPEATED,
  KubernetesClusterNetworkPolicy: REPEATED,
  AdminNetworkPolicy: REPEATED,
  BaselineAdminNetworkPolicy: REPEATED,
  NetworkPolicy: REPEATED,
  GlobalNetworkPolicy: REPEATED,
  StagedNetworkPolicy: STAGED,
  StagedGlobalNetworkPolicy: STAGED,
  StagedKubernetesNetworkPolicy: STAGED,
  Tier: 'the order of policies',
  NetworkSet: SETS,
  GlobalNetworkSet: SETS,
  IPPool: 'which pods are seen by their own address',
  Profile: 'labels and rules that endpoints inherit',
  HostEndpoint: 'hosts that selectors choose',
  WorkloadEndpoint: 'workloads that are no pods',
  FelixConfiguration: 'settings that change what a border sees',
  BorderFirewall: OURS,
  ClusterBorderPolicy: OURS,
  BorderPolicy: OURS,
  AddressGroup: OURS,
  SourceNAT: OURS,
  BorderApproval: 'who said yes to which plan; never made by us',
};

const own = kinds.filter((kind) => kind.ours);

/**
 * Everything that Sallyport asks of an API server, and why. ClusterRoles, Roles, the page of rights and the checks of `doctor` are made
 * from it; a test with a real API server takes each away in turn.
 */
export const rights: readonly Right[] = [
  ...kinds.flatMap(watching),
  {
    feature: 'watch',
    group: 'apiextensions.k8s.io',
    resource: 'customresourcedefinitions',
    verbs: ['get', 'list', 'watch'],
    scope: 'Cluster',
    why: 'which kinds come and go: objects that vanish with their definition are ignorance, not wishes',
  },
  {
    feature: 'watch',
    group: '',
    resource: 'namespaces',
    verbs: ['get'],
    scope: 'Cluster',
    names: ['kube-system'],
    why: 'its UID names the cluster where nobody has named it',
  },
  ...own.flatMap((kind): Right[] => [
    {
      feature: 'status',
      group: OUR_GROUP,
      resource: kind.plural,
      verbs: ['get'],
      scope: 'Cluster',
      why: 'the status that stands there, before it is written for the first time',
    },
    {
      feature: 'status',
      group: OUR_GROUP,
      resource: kind.plural,
      subresource: 'status',
      verbs: ['patch'],
      scope: 'Cluster',
      why: 'how it stands at the border; nothing else of the object can be written',
    },
  ]),
  {
    feature: 'leaving',
    group: OUR_GROUP,
    resource: 'borderfirewalls',
    verbs: ['patch'],
    scope: 'Cluster',
    why: 'the finalizer `sallyport.dev/border` of those with `onDelete: Remove`; an admission policy of the chart refuses every other change by this identity',
  },
  {
    feature: 'events',
    group: 'events.k8s.io',
    resource: 'events',
    verbs: ['create', 'patch'],
    scope: 'Cluster',
    why: 'what happened to an object of ours, or to a pod at the border, in its namespace; patch counts what repeats',
  },
  {
    feature: 'leases',
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['get', 'list', 'create', 'update', 'delete'],
    scope: 'OwnNamespace',
    why: 'one writer for each firewall, and which copies live; delete, for those of copies that are gone',
  },
  {
    feature: 'credentials',
    group: '',
    resource: 'secrets',
    verbs: ['get'],
    scope: 'OwnNamespace',
    why: 'credentials of firewalls, each by its name; never listed',
  },
  {
    feature: 'queries',
    group: 'authentication.k8s.io',
    resource: 'tokenreviews',
    verbs: ['create'],
    scope: 'Cluster',
    why: 'who asks for metrics, or asks a question',
  },
  {
    feature: 'queries',
    group: 'authorization.k8s.io',
    resource: 'subjectaccessreviews',
    verbs: ['create'],
    scope: 'Cluster',
    why: 'whether they may',
  },
  {
    feature: 'readiness',
    group: '',
    resource: 'pods',
    subresource: 'status',
    verbs: ['patch'],
    scope: 'Cluster',
    why: 'the one condition `sallyport.dev/border`; an admission policy refuses every other change by this identity',
  },
];

/** One rule of a ClusterRole or Role. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly Verb[];
  readonly resourceNames?: readonly string[];
}

/** The rules that grant rights: one for each group and set of verbs, in the order of the table. */
export function policyRules(
  granted: readonly Pick<Right, 'group' | 'resource' | 'subresource' | 'verbs' | 'names'>[],
): readonly PolicyRule[] {
  const rules = new Map<string, PolicyRule & { readonly resources: string[] }>();
  for (const { group, resource, subresource, verbs, names } of granted) {
    const key = [group, ...verbs, ...(names ?? [])].join(' ');
    const rule = rules.get(key) ?? {
      apiGroups: [group],
      resources: [],
      verbs,
      ...(names === undefined ? {} : { resourceNames: names }),
    };
    rule.resources.push(subresource === undefined ? resource : `${resource}/${subresource}`);
    rules.set(key, rule);
  }
  return [...rules.values()];
}
