import { OUR_GROUP, kinds } from '../api/kinds.ts';

/** A ClusterRole for people. */
export interface PeopleRole {
  readonly name: string;
  readonly about: string;
  /** Roles of Kubernetes that it becomes part of. */
  readonly partOf: readonly ('view' | 'edit' | 'admin')[];
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

const READ = ['get', 'list', 'watch'] as const;
const CHANGE = ['create', 'update', 'patch', 'delete', 'deletecollection'] as const;

const every = kinds.filter((kind) => kind.ours).map(({ plural }) => plural);
const namespaced = kinds.filter((kind) => kind.ours && kind.scope === 'Namespaced').map(({ plural }) => plural);

function rule(resources: readonly string[], ...verbs: readonly string[]): PeopleRole['rules'][number] {
  return { apiGroups: [OUR_GROUP], resources, verbs };
}

/**
 * Roles for people. Whoever may edit a namespace may write its BorderPolicies, because a firewall counts only those that it `accepts`.
 * What is about the whole cluster comes with none of Kubernetes' own roles, not even to read: a BorderFirewall tells how a firewall is
 * reached, and `view` is often given to everybody.
 */
export const peopleRoles: readonly PeopleRole[] = [
  {
    name: 'sallyport-border-owner',
    about: 'owns the border: firewalls, policies for all namespaces, translations, groups, and says yes to plans',
    partOf: [],
    rules: [rule(every, ...READ, ...CHANGE)],
  },
  {
    name: 'sallyport-viewer',
    about: 'reads everything of Sallyport; for everybody who asks why something does not get through',
    partOf: [],
    rules: [rule(every, ...READ)],
  },
  {
    name: 'sallyport-namespace-editor',
    about: "writes the border policies of namespaces; part of Kubernetes' edit and admin",
    partOf: ['edit', 'admin'],
    rules: [rule(namespaced, ...READ, ...CHANGE)],
  },
  {
    name: 'sallyport-namespace-viewer',
    about: "reads the border policies of namespaces, with their status; part of Kubernetes' view",
    partOf: ['view'],
    rules: [rule(namespaced, ...READ)],
  },
];
