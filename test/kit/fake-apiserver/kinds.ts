import type { Schema } from './fields.ts';
import type { KubeObject } from './object.ts';
import type { Cause } from './status.ts';

/** What the schema of a custom resource does with its objects. */
export interface CustomSchema {
  readonly merging: Schema;
  /** Pruned and defaulted; what was pruned is told by its path. */
  prepare(object: KubeObject): { readonly object: KubeObject; readonly pruned: readonly string[] };
  /** Everything that is wrong with it. */
  mistakes(object: KubeObject): readonly Required<Cause>[];
}

/** A kind that the server serves. */
export interface Kind {
  /** `''` is the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  /** Served beside the object itself: `status`, … */
  readonly parts: readonly string[];
  /** Reviews are answered and never stored. */
  readonly review?: true;
  /** Besides `metadata.name` and `metadata.namespace`. */
  readonly selectableFields: readonly string[];
  /** Of custom resources. */
  readonly custom?: CustomSchema;
}

/** Collections are stored by it: all versions of a kind are one collection. */
export const collectionOf = ({ group, plural }: { readonly group: string; readonly plural: string }): string =>
  group === '' ? plural : `${plural}.${group}`;

type Row = readonly [kind: string, plural: string, options?: string];

/** Options: `cluster` (not namespaced), `status`, `review`, `short=…`, `field=…`. */
const rows: Readonly<Record<string, readonly Row[]>> = {
  v1: [
    ['Namespace', 'namespaces', 'cluster status part=finalize short=ns field=status.phase'],
    ['Node', 'nodes', 'cluster status short=no field=spec.unschedulable'],
    [
      'Pod',
      'pods',
      'status short=po field=spec.nodeName field=spec.restartPolicy field=spec.schedulerName field=spec.serviceAccountName field=spec.hostNetwork field=status.phase field=status.podIP',
    ],
    ['Service', 'services', 'status short=svc field=spec.clusterIP field=spec.type'],
    ['Endpoints', 'endpoints', 'short=ep'],
    ['ServiceAccount', 'serviceaccounts', 'short=sa'],
    ['Secret', 'secrets', 'field=type'],
    ['ConfigMap', 'configmaps', 'short=cm'],
    [
      'Event',
      'events',
      'short=ev field=involvedObject.kind field=involvedObject.namespace field=involvedObject.name field=involvedObject.uid field=reason field=type',
    ],
    ['ResourceQuota', 'resourcequotas', 'status short=quota'],
    ['LimitRange', 'limitranges', 'short=limits'],
    ['PersistentVolumeClaim', 'persistentvolumeclaims', 'status short=pvc'],
  ],
  'apps/v1': [
    ['Deployment', 'deployments', 'status short=deploy'],
    ['ReplicaSet', 'replicasets', 'status short=rs'],
    ['StatefulSet', 'statefulsets', 'status short=sts'],
    ['DaemonSet', 'daemonsets', 'status short=ds'],
  ],
  'batch/v1': [['Job', 'jobs', 'status']],
  'policy/v1': [['PodDisruptionBudget', 'poddisruptionbudgets', 'status short=pdb']],
  'networking.k8s.io/v1': [
    ['NetworkPolicy', 'networkpolicies', 'short=netpol'],
    ['Ingress', 'ingresses', 'status short=ing'],
    ['IngressClass', 'ingressclasses', 'cluster'],
  ],
  'discovery.k8s.io/v1': [['EndpointSlice', 'endpointslices']],
  'coordination.k8s.io/v1': [['Lease', 'leases']],
  'events.k8s.io/v1': [['Event', 'events', 'short=ev field=reason field=type']],
  'rbac.authorization.k8s.io/v1': [
    ['Role', 'roles'],
    ['RoleBinding', 'rolebindings'],
    ['ClusterRole', 'clusterroles', 'cluster'],
    ['ClusterRoleBinding', 'clusterrolebindings', 'cluster'],
  ],
  'apiextensions.k8s.io/v1': [['CustomResourceDefinition', 'customresourcedefinitions', 'cluster status short=crd']],
  'apiregistration.k8s.io/v1': [['APIService', 'apiservices', 'cluster status']],
  'admissionregistration.k8s.io/v1': [
    ['ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', 'cluster'],
    ['MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', 'cluster'],
    ['ValidatingAdmissionPolicy', 'validatingadmissionpolicies', 'cluster status'],
    ['ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings', 'cluster'],
  ],
  'authentication.k8s.io/v1': [
    ['TokenReview', 'tokenreviews', 'cluster review'],
    ['SelfSubjectReview', 'selfsubjectreviews', 'cluster review'],
  ],
  'authorization.k8s.io/v1': [
    ['SubjectAccessReview', 'subjectaccessreviews', 'cluster review'],
    ['SelfSubjectAccessReview', 'selfsubjectaccessreviews', 'cluster review'],
    ['SelfSubjectRulesReview', 'selfsubjectrulesreviews', 'cluster review'],
    ['LocalSubjectAccessReview', 'localsubjectaccessreviews', 'review'],
  ],
};

function fromRow(groupVersion: string, [kind, plural, options = '']: Row): Kind {
  const words = options.split(' ');
  const values = (key: string): readonly string[] =>
    words.flatMap((word) => (word.startsWith(`${key}=`) ? [word.slice(key.length + 1)] : []));
  const slash = groupVersion.indexOf('/');
  return {
    group: slash < 0 ? '' : groupVersion.slice(0, slash),
    version: groupVersion.slice(slash + 1),
    plural,
    singular: kind.toLowerCase(),
    kind,
    namespaced: !words.includes('cluster'),
    shortNames: values('short'),
    parts: [...(words.includes('status') ? ['status'] : []), ...values('part')],
    ...(words.includes('review') ? { review: true } : {}),
    selectableFields: values('field'),
  };
}

export const builtIn: readonly Kind[] = Object.entries(rows).flatMap(([groupVersion, kinds]) =>
  kinds.map((row) => fromRow(groupVersion, row)),
);
