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
  /** What `server.queries` answers to them. */
  readonly paths?: readonly string[];
}

const READ = ['get', 'list', 'watch'] as const;
const CHANGE = ['create', 'update', 'patch', 'delete', 'deletecollection'] as const;

const every = kinds.filter((kind) => kind.ours).map(({ plural }) => plural);
const approvals = kinds.filter((kind) => kind.type === 'BorderApproval').map(({ plural }) => plural);
const namespaced = kinds.filter((kind) => kind.ours && kind.scope === 'Namespaced').map(({ plural }) => plural);

function rule(resources: readonly string[], ...verbs: readonly string[]): PeopleRole['rules'][number] {
  return { apiGroups: [OUR_GROUP], resources, verbs };
}

const STANDING = ['/standing'] as const;

/**
 * Roles for people. Nobody who writes what a plan is made of says yes to it by the same role: who is to do both is bound to both. A yes can be
 * given and taken back; it is never edited, so what it said when it counted is what the audit log has. Whoever may edit a namespace may write its BorderPolicies, because a firewall counts only those that it `accepts`.
 * What is about the whole cluster comes with none of Kubernetes' own roles, not even to read: a BorderFirewall tells how a firewall is
 * reached, and `view` is often given to everybody.
 */
export const peopleRoles: readonly PeopleRole[] = [
  {
    name: 'sallyport-border-owner',
    about: 'owns the border: firewalls, policies for all namespaces, translations, groups; says yes to no plan',
    partOf: [],
    rules: [
      rule(every, ...READ),
      rule(
        every.filter((plural) => !approvals.includes(plural)),
        ...CHANGE,
      ),
    ],
    paths: STANDING,
  },
  {
    name: 'sallyport-approver',
    about: 'says yes to plans, and reads what they are made of; changes nothing else',
    partOf: [],
    rules: [rule(every, ...READ), rule(approvals, 'create', 'delete')],
    paths: STANDING,
  },
  {
    name: 'sallyport-viewer',
    about: 'reads everything of Sallyport, statuses above all',
    partOf: [],
    rules: [rule(every, ...READ)],
    paths: STANDING,
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
