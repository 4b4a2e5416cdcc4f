import type { Namespace, NetworkSet, Pod, ServiceAccount } from '../api/resource.ts';

/** Labels that Calico sets on endpoints and network sets (semantics 2.4). */
export const NAMESPACE_LABEL = 'projectcalico.org/namespace';
export const ORCHESTRATOR_LABEL = 'projectcalico.org/orchestrator';
export const SERVICE_ACCOUNT_LABEL = 'projectcalico.org/serviceaccount';
/** The value of the orchestrator label on pods. */
export const KUBERNETES = 'k8s';
/** Under `pcns.` and `pcsa.`: the name of the namespace or service account itself. */
export const NAME_LABEL = 'projectcalico.org/name';
/** What inherited labels begin with: those of the namespace, those of the service account. */
export const NAMESPACE_PREFIX = 'pcns.';
export const SERVICE_ACCOUNT_PREFIX = 'pcsa.';

/** The profile that a namespace becomes (semantics 2.2). */
export function namespaceParent(namespace: string): string {
  return `kns.${namespace}`;
}

/** The profile that a service account becomes; an empty namespace counts as `default` (semantics 2.3). */
export function serviceAccountParent(namespace: string, name: string): string {
  return `ksa.${namespace === '' ? 'default' : namespace}.${name}`;
}

/** A pod's profiles, in order (semantics 2.6). */
export function podParents(pod: Pod): readonly string[] {
  const namespace = namespaceParent(pod.namespace);
  return namesServiceAccount(pod)
    ? [namespace, serviceAccountParent(pod.namespace, pod.serviceAccountName)]
    : [namespace];
}

/** An empty name is none. */
function namesServiceAccount(pod: Pod): pod is Pod & { readonly serviceAccountName: string } {
  return pod.serviceAccountName !== undefined && pod.serviceAccountName !== '';
}

/** What endpoints inherit from a namespace. */
export function namespaceLabels(namespace: Namespace): ReadonlyMap<string, string> {
  return inherited(NAMESPACE_PREFIX, namespace);
}

/** What endpoints inherit from a service account. */
export function serviceAccountLabels(account: ServiceAccount): ReadonlyMap<string, string> {
  return inherited(SERVICE_ACCOUNT_PREFIX, account);
}

function inherited(prefix: string, from: Namespace | ServiceAccount): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const [key, value] of from.labels) labels.set(prefix + key, value);
  return labels.set(prefix + NAME_LABEL, from.name);
}

/** A network set's labels in effect: the namespace label is Calico's to set, a written one does not count (semantics 2.8). */
export function networkSetLabels(set: NetworkSet): ReadonlyMap<string, string> {
  const labels = new Map(set.labels);
  labels.delete(NAMESPACE_LABEL);
  if (set.namespace !== '') labels.set(NAMESPACE_LABEL, set.namespace);
  return labels;
}

/**
 * All labels that selectors see: an endpoint's own, then what it inherits; its own value wins, and of several parents the first
 * (semantics 2.1). A parent that does not exist contributes nothing.
 */
export function effectiveLabels(
  item: { readonly labels: ReadonlyMap<string, string>; readonly parents: readonly string[] },
  parents: ReadonlyMap<string, { readonly labels: ReadonlyMap<string, string> }>,
): ReadonlyMap<string, string> {
  const labels = new Map(item.labels);
  for (const id of item.parents)
    for (const [key, value] of parents.get(id)?.labels ?? []) if (!labels.has(key)) labels.set(key, value);
  return labels;
}
