import type { NetworkSet } from '../api/resource.ts';
import { resourceKey } from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { comparePrefixes } from '../ip/prefix.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { sameList, sameMap } from './equality.ts';
import { NAMESPACE_LABEL, namespaceParent, networkSetLabels } from './labels.ts';
import { diagnosticOn } from './mistake.ts';
import type { NetworkSetInfo } from './model.ts';

/** A network set with its labels in effect; a namespaced one inherits from its namespace (semantics 2.8). */
export function networkSetInfo(set: NetworkSet): NetworkSetInfo {
  return {
    id: resourceKey(set),
    labels: networkSetLabels(set),
    parents: set.namespace === '' ? [] : [namespaceParent(set.namespace)],
    nets: PrefixSet.of(set.nets),
    written: set.nets,
    domains: [...new Set(set.domains)].sort(),
  };
}

/** Whether two network sets are the same for everybody who reads them. */
export function sameNetworkSet(a: NetworkSetInfo, b: NetworkSetInfo): boolean {
  return (
    a.id === b.id &&
    sameMap(a.labels, b.labels) &&
    sameList(a.written, b.written, (x, y) => comparePrefixes(x, y) === 0) &&
    sameList(a.domains, b.domains, Object.is)
  );
}

/** Labels that only Calico sets. */
export function networkSetMistakes(set: NetworkSet): readonly Diagnostic[] {
  if (!set.labels.has(NAMESPACE_LABEL)) return [];
  const message = `the label ${NAMESPACE_LABEL} is set by Calico alone; remove it`;
  return [diagnosticOn(set, 'error', 'RESERVED_LABEL', `metadata.labels["${NAMESPACE_LABEL}"]`, message)];
}
