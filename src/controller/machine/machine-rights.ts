import type { Right } from '../../kubernetes/rights.ts';
import { machineKinds } from './sources/machine-kinds.ts';

/** One thing that a firewall machine asks of an API server. */
export interface MachineRight extends Pick<Right, 'group' | 'resource' | 'subresource' | 'verbs' | 'names' | 'why'> {
  /**
   * `Firewall`: in the namespace of the Firewall; `Machine`: in that of the machine in its workload cluster; `Cluster`: everywhere in the workload
   * cluster.
   */
  readonly scope: 'Firewall' | 'Machine' | 'Cluster';
}

const { Firewall, ClusterwideNetworkPolicy: Policy, FirewallMonitor } = machineKinds;
const CRDS = { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' };
const core = (resource: string, right: Omit<MachineRight, 'group' | 'resource'>): MachineRight => ({
  group: '',
  resource,
  ...right,
});

/** What `run` on a firewall machine needs, by what it is for. Whatever is not configured is not needed. */
export const machineRights: readonly MachineRight[] = [
  {
    group: Firewall.group,
    resource: Firewall.plural,
    verbs: ['list', 'watch'],
    scope: 'Firewall',
    why: 'what this machine is to be',
  },
  core('secrets', {
    verbs: ['get'],
    scope: 'Firewall',
    why: 'the two that `status.shootAccess` names: how the workload cluster is reached; by name',
  }),
  {
    group: Policy.group,
    resource: Policy.plural,
    verbs: ['get', 'list', 'watch'],
    scope: 'Machine',
    why: 'what is opened',
  },
  {
    group: Policy.group,
    resource: Policy.plural,
    verbs: ['list', 'watch'],
    scope: 'Cluster',
    why: 'where the namespace is `firewall`: whoever writes policies elsewhere is told; without it, those of the namespace alone are read',
  },
  {
    group: Policy.group,
    resource: Policy.plural,
    subresource: 'status',
    verbs: ['patch'],
    scope: 'Machine',
    why: 'whether they are in force, and what their names resolve to',
  },
  core('services', {
    verbs: ['list', 'watch'],
    scope: 'Cluster',
    why: 'which addresses of type LoadBalancer are opened',
  }),
  {
    ...CRDS,
    verbs: ['get'],
    scope: 'Cluster',
    why: 'objects that vanish with their definition are ignorance, not wishes',
  },
  {
    group: FirewallMonitor.group,
    resource: FirewallMonitor.plural,
    verbs: ['get', 'list', 'watch', 'patch'],
    scope: 'Machine',
    why: 'figures and times, and the annotation that asks for restarts; never created',
  },
  core('events', {
    verbs: ['create', 'patch'],
    scope: 'Cluster',
    why: 'what happened to policies, Services and the Firewall',
  }),
  core('configmaps', {
    verbs: ['get', 'create', 'patch'],
    scope: 'Machine',
    why: '`fqdnstate`: what names resolved to, over restarts',
  }),
  core('services', { verbs: ['create', 'patch'], scope: 'Machine', why: 'where its exporters are' }),
  core('endpoints', { verbs: ['create', 'patch'], scope: 'Machine', why: 'where its exporters are' }),
  core('pods', { verbs: ['list'], scope: 'Machine', why: 'where the server of the droptailer is' }),
  core('secrets', {
    verbs: ['get'],
    scope: 'Machine',
    names: ['droptailer-client'],
    why: 'the certificates of the droptailer; by name',
  }),
];
