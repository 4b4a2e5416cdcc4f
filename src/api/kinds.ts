import type { ResourceType } from './resource.ts';
import { closest } from '../base/closest.ts';

/** One kind of API object that Sallyport reads. */
export interface Kind {
  readonly type: ResourceType;
  /** `''` is the core group. */
  readonly group: string;
  /** Versions that are read; the first is the one to write. */
  readonly versions: readonly string[];
  readonly kind: string;
  readonly plural: string;
  readonly scope: 'Namespaced' | 'Cluster';
  /** Sallyport's own: unknown fields are mistakes. */
  readonly ours: boolean;
}

/** Sallyport's own API group. */
export const OUR_GROUP = 'sallyport.dev';
export const CALICO = 'projectcalico.org';
/** Where Calico without its API server keeps objects of `projectcalico.org/v3` (calico.md 1.1). */
export const CALICO_STORAGE = 'crd.projectcalico.org';

function core(type: ResourceType, plural: string, scope: Kind['scope']): Kind {
  return { type, group: '', versions: ['v1'], kind: type, plural, scope, ours: false };
}

function calico(type: ResourceType, plural: string, scope: Kind['scope']): Kind {
  return { type, group: CALICO, versions: ['v3'], kind: type, plural, scope, ours: false };
}

function admin(type: ResourceType, kind: string, version: string, plural: string): Kind {
  const group = 'policy.networking.k8s.io';
  return { type, group, versions: [version], kind, plural, scope: 'Cluster', ours: false };
}

function own(type: ResourceType, plural: string, scope: Kind['scope']): Kind {
  return { type, group: OUR_GROUP, versions: ['v1alpha1'], kind: type, plural, scope, ours: true };
}

/** Every kind that is read, others' before ours. */
export const kinds: readonly Kind[] = [
  core('Pod', 'pods', 'Namespaced'),
  core('Namespace', 'namespaces', 'Cluster'),
  core('ServiceAccount', 'serviceaccounts', 'Namespaced'),
  core('Node', 'nodes', 'Cluster'),
  {
    type: 'EndpointSlice',
    group: 'discovery.k8s.io',
    versions: ['v1'],
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    scope: 'Namespaced',
    ours: false,
  },
  {
    type: 'KubernetesNetworkPolicy',
    group: 'networking.k8s.io',
    versions: ['v1'],
    kind: 'NetworkPolicy',
    plural: 'networkpolicies',
    scope: 'Namespaced',
    ours: false,
  },
  admin('KubernetesClusterNetworkPolicy', 'ClusterNetworkPolicy', 'v1alpha2', 'clusternetworkpolicies'),
  admin('AdminNetworkPolicy', 'AdminNetworkPolicy', 'v1alpha1', 'adminnetworkpolicies'),
  admin('BaselineAdminNetworkPolicy', 'BaselineAdminNetworkPolicy', 'v1alpha1', 'baselineadminnetworkpolicies'),
  calico('NetworkPolicy', 'networkpolicies', 'Namespaced'),
  calico('GlobalNetworkPolicy', 'globalnetworkpolicies', 'Cluster'),
  calico('StagedNetworkPolicy', 'stagednetworkpolicies', 'Namespaced'),
  calico('StagedGlobalNetworkPolicy', 'stagedglobalnetworkpolicies', 'Cluster'),
  calico('StagedKubernetesNetworkPolicy', 'stagedkubernetesnetworkpolicies', 'Namespaced'),
  calico('Tier', 'tiers', 'Cluster'),
  calico('NetworkSet', 'networksets', 'Namespaced'),
  calico('GlobalNetworkSet', 'globalnetworksets', 'Cluster'),
  calico('IPPool', 'ippools', 'Cluster'),
  calico('Profile', 'profiles', 'Cluster'),
  calico('HostEndpoint', 'hostendpoints', 'Cluster'),
  calico('WorkloadEndpoint', 'workloadendpoints', 'Namespaced'),
  calico('FelixConfiguration', 'felixconfigurations', 'Cluster'),
  own('BorderFirewall', 'borderfirewalls', 'Cluster'),
  own('ClusterBorderPolicy', 'clusterborderpolicies', 'Cluster'),
  own('BorderPolicy', 'borderpolicies', 'Namespaced'),
  own('AddressGroup', 'addressgroups', 'Cluster'),
  own('SourceNAT', 'sourcenats', 'Cluster'),
  own('BorderApproval', 'borderapprovals', 'Cluster'),
];

const byGroupAndKind = new Map(kinds.map((kind) => [`${kind.group}/${kind.kind}`, kind]));

/** What an `apiVersion` and `kind` stand for. */
export type KindFound =
  | { readonly found: 'kind'; readonly kind: Kind; readonly storage: boolean }
  /** Not used by Sallyport, and no mistake. */
  | { readonly found: 'unused' }
  | { readonly found: 'misspelled'; readonly suggestion: string | undefined }
  | { readonly found: 'version'; readonly read: string };

/**
 * Looks a kind up. `storage`: it is in Calico's storage form and has to be converted.
 * @example kindOf('networking.k8s.io/v1', 'NetworkPolicy'); // { found: 'kind', kind: { type: 'KubernetesNetworkPolicy', … }, storage: false }
 */
export function kindOf(apiVersion: string, name: string): KindFound {
  const slash = apiVersion.lastIndexOf('/');
  const writtenGroup = apiVersion.slice(0, Math.max(0, slash));
  const version = apiVersion.slice(slash + 1);
  const storage = writtenGroup === CALICO_STORAGE;
  // Before networking.k8s.io/v1 the kind lived in another group; an old manifest must not vanish in silence.
  const moved = writtenGroup === 'extensions' && name === 'NetworkPolicy';
  const group = moved ? 'networking.k8s.io' : storage ? CALICO : writtenGroup;
  const kind = byGroupAndKind.get(`${group}/${name}`);
  if (kind === undefined) {
    const known = kinds.filter((candidate) => candidate.group === group).map((candidate) => candidate.kind);
    // In others' groups most unknown names are real kinds; there only a slip of a letter or two counts as a misspelling.
    const suggestion = closest(name, known, group === OUR_GROUP ? undefined : 2);
    const misspelled = group === OUR_GROUP || suggestion !== undefined;
    return misspelled ? { found: 'misspelled', suggestion } : { found: 'unused' };
  }
  if (storage ? version !== 'v1' : moved || !kind.versions.includes(version))
    return { found: 'version', read: `${kind.group === '' ? '' : `${kind.group}/`}${kind.versions[0] ?? ''}` };
  return { found: 'kind', kind, storage };
}
