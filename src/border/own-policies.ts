import {
  type BorderFirewall,
  type BorderPolicy,
  type BorderPolicyRule,
  type ClusterBorderPolicy,
  type Readable,
  type ReadableRule,
  resourceKey,
} from '../api/resource.ts';
import { compareUtf8 } from '../base/compare.ts';
import { networkSetSelector, workloadSelector } from '../inventory/effective-selector.ts';
import type { Selector } from '../selector/selector.ts';
import type { Entry, EntryRule } from './entry.ts';

type OwnPolicy = ClusterBorderPolicy | BorderPolicy;

/** Order inside a layer of ours: `order` ascending, absent last, ties by namespace and name (design 8.1). */
export function inOrder<
  P extends { readonly namespace: string; readonly name: string; readonly spec: { readonly order: number } },
>(policies: readonly P[]): readonly P[] {
  return [...policies].sort(
    (a, b) =>
      compareNumbers(a.spec.order, b.spec.order) ||
      compareUtf8(a.namespace, b.namespace) ||
      compareUtf8(a.name, b.name),
  );
}

/** By subtraction infinities would not compare. */
export function compareNumbers(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** A policy of ours at a firewall that it names, or that it reaches because it names none. */
export function ownEntry(policy: OwnPolicy, firewall: BorderFirewall): Omit<Entry, 'rank'> {
  return {
    id: resourceKey(policy),
    place: policy.place,
    layer: policy.type,
    selector: ownSelector(policy),
    widen: policy.spec.onBlind === 'Widen' && firewall.blind === 'Widen',
    rules: policy.spec.egress.flatMap((rule, index) => entryRule(policy.namespace, rule, index)),
  };
}

/** The workloads a policy of ours selects; a part that cannot be read selects its whole scope (design invariant 5). */
export function ownSelector(policy: OwnPolicy): Selector {
  return scopedSelector(policy.namespace, policy.spec.selector, policy.spec.namespaceSelector);
}

/** As `ownSelector`, for every kind of ours that selects workloads. */
export function scopedSelector(
  namespace: string,
  selector: Readable<Selector>,
  namespaceSelector: Readable<Selector | undefined>,
): Selector {
  return workloadSelector(namespace, {
    ...(selector.ok ? { selector: selector.value } : {}),
    ...(namespaceSelector.ok ? { namespaceSelector: namespaceSelector.value } : {}),
  });
}

/** Whether a kind of ours counts at a firewall: it names it, or names none at all. */
export function isFor(firewalls: readonly string[] | undefined, firewall: string): boolean {
  return firewalls === undefined || firewalls.includes(firewall);
}

/** An unreadable Allow or Log is absent; an unreadable Deny or Pass denies everything in its place (design invariant 5). */
function entryRule(namespace: string, readable: ReadableRule<BorderPolicyRule>, index: number): readonly EntryRule[] {
  if (!readable.ok)
    return readable.action === 'Allow' || readable.action === 'Log'
      ? []
      : [{ action: 'Deny', index, match: { domains: [] } }];
  const { action, selector: written, ...match } = readable.rule;
  const selector = written === undefined ? {} : { selector: networkSetSelector(namespace, written) };
  return [{ action, index, match: { ...match, ...selector } }];
}
