import { assertNever } from '../base/error.ts';
import { type LeafNode, type SelectorNode, fold } from './node.ts';

/** What every match of a selector satisfies for one label: absent, present with any value, or present with one of these. */
export type Bound =
  | { readonly kind: 'absent' }
  | { readonly kind: 'present' }
  | { readonly kind: 'oneOf'; readonly values: ReadonlySet<string> };

/** Bounds by label name, or word that nothing can match. A label without an entry is not bound. */
export type Restrictions =
  | { readonly satisfiable: false }
  | { readonly satisfiable: true; readonly bounds: ReadonlyMap<string, Bound> };

/**
 * Per-label bounds that every match satisfies (semantics 1.6), with negations pushed inward first. They are sound and not tight: what
 * satisfies the bounds need not match.
 */
export function restrictionsOf(node: SelectorNode): Restrictions {
  const bounds = fold<Both>(node, {
    leaf: ofLeaf,
    not: ({ holds, fails }) => ({ holds: fails, fails: holds }),
    join: (kind, operands) => {
      const holds = operands.map((operand) => operand.holds);
      const fails = operands.map((operand) => operand.fails);
      return kind === 'and'
        ? { holds: conjunction(holds), fails: disjunction(fails) }
        : { holds: disjunction(holds), fails: conjunction(fails) };
    },
  }).holds;
  return bounds === NEVER ? { satisfiable: false } : { satisfiable: true, bounds };
}

/** Bounds under way; sets and maps belong to one node each, so that a parent may change them. */
type MutableBound = { kind: 'absent' } | { kind: 'present' } | { kind: 'oneOf'; values: Set<string> };
type Bounds = Map<string, MutableBound> | typeof NEVER;
const NEVER = 'never';

/** The bounds of what matches a node, and of what does not. */
interface Both {
  readonly holds: Bounds;
  readonly fails: Bounds;
}

function ofLeaf(leaf: LeafNode): Both {
  switch (leaf.kind) {
    case 'all':
    case 'global':
      return { holds: new Map(), fails: NEVER };
    case 'has':
      return { holds: new Map([[leaf.key, { kind: 'present' }]]), fails: new Map([[leaf.key, { kind: 'absent' }]]) };
    case 'contains':
    case 'startsWith':
    case 'endsWith':
      return { holds: new Map([[leaf.key, { kind: 'present' }]]), fails: new Map() };
    case 'equal':
      return { holds: oneOf(leaf.key, [leaf.value]), fails: new Map() };
    case 'notEqual':
      return { holds: new Map(), fails: oneOf(leaf.key, [leaf.value]) };
    case 'in':
      return { holds: oneOf(leaf.key, leaf.values), fails: new Map() };
    case 'notIn':
      return { holds: new Map(), fails: oneOf(leaf.key, leaf.values) };
    default:
      return assertNever(leaf);
  }
}

function oneOf(key: string, values: readonly string[]): Bounds {
  return values.length === 0 ? NEVER : new Map([[key, { kind: 'oneOf', values: new Set(values) }]]);
}

/** All bounds at once; the values of one label are intersected. */
function conjunction(operands: readonly Bounds[]): Bounds {
  const merged = new Map<string, MutableBound>();
  for (const operand of operands) {
    if (operand === NEVER) return NEVER;
    for (const [key, bound] of operand) {
      const both = meet(merged.get(key), bound);
      if (both === NEVER) return NEVER;
      merged.set(key, both);
    }
  }
  return merged;
}

function meet(a: MutableBound | undefined, b: MutableBound): MutableBound | typeof NEVER {
  if (a === undefined) return b;
  if (a.kind === 'absent' || b.kind === 'absent') return a.kind === b.kind ? a : NEVER;
  if (a.kind === 'present') return b;
  if (b.kind === 'present') return a;
  const [small, large] = a.values.size < b.values.size ? [a, b] : [b, a];
  for (const value of small.values) if (!large.values.has(value)) small.values.delete(value);
  return small.values.size === 0 ? NEVER : small;
}

/** Only what every operand that can match has; the values of one label are united. */
function disjunction(operands: readonly Bounds[]): Bounds {
  let merged: Bounds = NEVER;
  for (const operand of operands) {
    if (operand === NEVER) continue;
    if (merged === NEVER) {
      merged = operand;
      continue;
    }
    for (const [key, bound] of merged) {
      const other = operand.get(key);
      const either = other === undefined ? undefined : widen(bound, other);
      if (either === undefined) merged.delete(key);
      else merged.set(key, either);
    }
  }
  return merged;
}

function widen(a: MutableBound, b: MutableBound): MutableBound | undefined {
  if (a.kind === 'absent' || b.kind === 'absent') return a.kind === b.kind ? a : undefined;
  if (a.kind === 'present') return a;
  if (b.kind === 'present') return b;
  const [small, large] = a.values.size < b.values.size ? [a, b] : [b, a];
  for (const value of small.values) large.values.add(value);
  return large;
}
