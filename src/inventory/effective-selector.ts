import type { CalicoEntity } from '../api/resource.ts';
import { Shared } from '../base/shared.ts';
import {
  type Selector,
  type SelectorNode,
  all,
  and,
  equal,
  has,
  isIn,
  mapLabels,
  not,
  or,
  readAgain,
  replaceAll,
  selectorOf,
} from '../selector/index.ts';
import { conjunctionOf } from '../selector/selector.ts';
import { NAMESPACE_LABEL, NAMESPACE_PREFIX, SERVICE_ACCOUNT_LABEL, SERVICE_ACCOUNT_PREFIX } from './labels.ts';

/** Written selectors of a policy; absent is "not written", which selects the whole scope. */
export interface PolicySelectors {
  readonly selector?: Selector | undefined;
  readonly namespaceSelector?: Selector | undefined;
  readonly serviceAccountSelector?: Selector | undefined;
}

/** The endpoints a policy applies to (semantics 3.1). `namespace` is `''` for global policies. */
export function policySelector(namespace: string, written: PolicySelectors): Selector {
  return selectorOf(namespace === '' ? globalPolicyNode(written) : namespacedPolicyNode(namespace, written));
}

function namespacedPolicyNode(namespace: string, written: PolicySelectors): SelectorNode {
  const scoped = conjunction(written.selector?.node, inNamespace(namespace));
  return conjunction(scoped, prefixed(written.serviceAccountSelector, SERVICE_ACCOUNT_PREFIX)) ?? all();
}

/** The same for pods of the policy's namespace, which is none of a global policy. */
export function podsOfPolicy(namespace: string, pods: SelectorNode): Selector {
  return conjunctionOf(pods, inNamespace(namespace));
}

/** The pods that a peer of a policy's rule selects (semantics 3.2): those of the policy's namespace, or of the namespaces that it selects. */
export function podsOfPeer(namespace: string, pods: SelectorNode, namespaces: SelectorNode | undefined): Selector {
  return conjunctionOf(namespaces === undefined ? inNamespace(namespace) : ofNamespaces(namespaces), pods);
}

/** Calico rewrites `all()` in the joined text, so the policy's own `all()` is rewritten too (semantics 3.1.4). */
function globalPolicyNode({ selector, namespaceSelector, serviceAccountSelector }: PolicySelectors): SelectorNode {
  let node = selector?.node;
  if (namespaceSelector !== undefined) {
    node = narrowAll(conjunction(node, prefixed(namespaceSelector, NAMESPACE_PREFIX)), NAMESPACE_LABEL);
  }
  if (serviceAccountSelector !== undefined) {
    node = narrowAll(
      conjunction(node, prefixed(serviceAccountSelector, SERVICE_ACCOUNT_PREFIX)),
      SERVICE_ACCOUNT_LABEL,
    );
  }
  return node ?? all();
}

/** What one side of a rule matches by label: `selector` alone, or `notSelector` where there is no positive part (semantics 3.3.2). */
export interface SideSelectors {
  readonly selector?: Selector;
  readonly notSelector?: Selector;
}

/** The selectors of one side of a rule (semantics 3.2 and 3.3); `namespace` is the policy's, `''` for global policies and profiles. */
export function sideSelectors(namespace: string, entity: CalicoEntity): SideSelectors {
  const accounts = serviceAccountNode(entity.serviceAccounts);
  const endpoint = conjunction(accounts, entity.selector?.node);
  const scoped =
    endpoint !== undefined || entity.notSelector !== undefined || entity.namespaceSelector !== undefined
      ? conjunction(namespaceNode(namespace, entity.namespaceSelector), endpoint)
      : undefined;
  if (scoped === undefined) return entity.notSelector === undefined ? {} : { notSelector: entity.notSelector };
  if (entity.notSelector === undefined) return { selector: selectorOf(scoped) };
  // One set of endpoints, not the difference of two sets of addresses: that matters where endpoints share an address (3.3.3).
  return { selector: selectorOf(and(scoped, not(entity.notSelector.node))) };
}

/** The policies of a namespace have it in all their selectors. */
const NAMESPACES = new Shared<SelectorNode>();

function inNamespace(namespace: string): SelectorNode {
  return NAMESPACES.get(namespace, () => equal(NAMESPACE_LABEL, namespace));
}

function namespaceNode(namespace: string, written: Selector | undefined): SelectorNode | undefined {
  if (written === undefined) return namespace === '' ? undefined : inNamespace(namespace);
  return ofNamespaces(written.node);
}

function ofNamespaces(written: SelectorNode): SelectorNode {
  return readAgain(
    replaceAll(
      mapLabels(written, (key) => NAMESPACE_PREFIX + key),
      (leaf) => (leaf.kind === 'all' ? has(NAMESPACE_LABEL) : not(has(NAMESPACE_LABEL))),
    ),
  );
}

function serviceAccountNode(accounts: CalicoEntity['serviceAccounts']): SelectorNode | undefined {
  if (accounts === undefined) return undefined;
  const names = accounts.names.length === 0 ? undefined : isIn(SERVICE_ACCOUNT_LABEL, accounts.names);
  return conjunction(prefixed(accounts.selector, SERVICE_ACCOUNT_PREFIX), names);
}

/**
 * The workloads that one of our own kinds selects: pods whose labels match `selector` in namespaces whose labels match
 * `namespaceSelector`, where `all()` means any namespace. `namespace` is that of a BorderPolicy, `''` for our cluster-scoped kinds.
 */
export function workloadSelector(
  namespace: string,
  written: Omit<PolicySelectors, 'serviceAccountSelector'>,
): Selector {
  if (namespace !== '') return policySelector(namespace, { selector: written.selector });
  // Host endpoints and network sets have no namespace inherited, so `all()` must not reach them.
  return policySelector('', { ...written, namespaceSelector: written.namespaceSelector ?? selectorOf(all()) });
}

/**
 * The network sets that a rule of our own kinds selects: the cluster-wide ones, which are the border owner's to write, and for a
 * BorderPolicy (`namespace` is not `''`) those of its own namespace. Never another namespace's: whoever may write a NetworkSet there
 * could widen the rule (decision 8).
 */
export function networkSetSelector(namespace: string, written: Selector): Selector {
  const clusterWide = not(has(NAMESPACE_LABEL));
  const own = namespace === '' ? clusterWide : or(clusterWide, equal(NAMESPACE_LABEL, namespace));
  return selectorOf(and(written.node, own));
}

function prefixed(selector: Selector | undefined, prefix: string): SelectorNode | undefined {
  return selector === undefined ? undefined : readAgain(mapLabels(selector.node, (key) => prefix + key));
}

function narrowAll(node: SelectorNode | undefined, label: string): SelectorNode | undefined {
  return node === undefined ? undefined : replaceAll(node, (leaf) => (leaf.kind === 'all' ? has(label) : leaf));
}

function conjunction(first: SelectorNode | undefined, second: SelectorNode | undefined): SelectorNode | undefined {
  if (first === undefined) return second;
  return second === undefined ? first : and(first, second);
}
