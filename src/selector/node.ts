import { compareUtf8 } from '../base/compare.ts';

/** A leaf that holds for every endpoint; its scoping meaning is added by policies (semantics 3). */
export type ConstantNode = { readonly kind: 'all' } | { readonly kind: 'global' };

/** Conditions on one label that compare its value with a literal. */
export type ComparisonKind = 'equal' | 'notEqual' | 'contains' | 'startsWith' | 'endsWith';

/** Conditions on one label that compare its value with a set. */
export type MembershipKind = 'in' | 'notIn';

/** A condition on one label. */
export type ConditionNode =
  | { readonly kind: 'has'; readonly key: string }
  | { readonly kind: ComparisonKind; readonly key: string; readonly value: string }
  /** Values are sorted by their UTF-8 bytes and appear once. */
  | { readonly kind: MembershipKind; readonly key: string; readonly values: readonly string[] };

/** A node without operands. */
export type LeafNode = ConstantNode | ConditionNode;

/**
 * The syntax tree of a selector (semantics 1.2). Trees made by machines can be very deep or very wide: walk them with `fold`, never by
 * recursion.
 */
export type SelectorNode =
  | LeafNode
  | { readonly kind: 'not'; readonly operand: SelectorNode }
  /** Two operands or more, in written order. */
  | { readonly kind: 'and'; readonly operands: readonly SelectorNode[] }
  | { readonly kind: 'or'; readonly operands: readonly SelectorNode[] };

const ALL: ConstantNode = { kind: 'all' };
const GLOBAL: ConstantNode = { kind: 'global' };

/** `all()`. */
export function all(): ConstantNode {
  return ALL;
}

/** `global()`. */
export function global(): ConstantNode {
  return GLOBAL;
}

/** `has(key)`: the label is there, with any value, the empty one too. */
export function has(key: string): ConditionNode {
  return { kind: 'has', key };
}

/** `key == 'value'`. */
export function equal(key: string, value: string): ConditionNode {
  return { kind: 'equal', key, value };
}

/** `key != 'value'`; holds where the label is absent. */
export function notEqual(key: string, value: string): ConditionNode {
  return { kind: 'notEqual', key, value };
}

/** `key in {…}`. */
export function isIn(key: string, values: Iterable<string>): ConditionNode {
  return { kind: 'in', key, values: members(values) };
}

/** `key not in {…}`; holds where the label is absent. */
export function notIn(key: string, values: Iterable<string>): ConditionNode {
  return { kind: 'notIn', key, values: members(values) };
}

/** `key contains 'value'`. */
export function contains(key: string, value: string): ConditionNode {
  return { kind: 'contains', key, value };
}

/** `key starts with 'value'`. */
export function startsWith(key: string, value: string): ConditionNode {
  return { kind: 'startsWith', key, value };
}

/** `key ends with 'value'`. */
export function endsWith(key: string, value: string): ConditionNode {
  return { kind: 'endsWith', key, value };
}

/** `!operand`, of a negation too: only in text, where `!` stands beside `!`, does a run collapse to its parity (semantics 1.2.2). */
export function not(operand: SelectorNode): SelectorNode {
  return { kind: 'not', operand };
}

/** The conjunction, in the given order and not flattened; of one operand the operand itself, of none `all()`. */
export function and(...operands: readonly SelectorNode[]): SelectorNode {
  return join('and', operands, ALL);
}

/** The disjunction, in the given order and not flattened; of one operand the operand itself, of none the negation of `all()`. */
export function or(...operands: readonly SelectorNode[]): SelectorNode {
  return join('or', operands, { kind: 'not', operand: ALL });
}

/** What `and` and `or` do, for operands in an array: a call cannot take tens of thousands of arguments. */
export function join(kind: 'and' | 'or', operands: readonly SelectorNode[], none: SelectorNode): SelectorNode {
  const [first, second] = operands;
  if (first === undefined) return none;
  return second === undefined ? first : { kind, operands };
}

function members(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort(compareUtf8);
}

/** How `fold` turns each kind of node into a result, given the results of its operands. */
export interface Folding<T> {
  leaf(node: LeafNode): T;
  not(operand: T): T;
  join(kind: 'and' | 'or', operands: readonly T[]): T;
}

/** Computes a result bottom up, without recursion. Operands are visited in written order. */
export function fold<T>(root: SelectorNode, folding: Folding<T>): T {
  const pending: { readonly node: SelectorNode; readonly entered: boolean }[] = [{ node: root, entered: false }];
  const results: T[] = [];
  for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
    const { node, entered } = step;
    if (node.kind === 'not') {
      if (entered) results.push(folding.not(take(results, 1)[0] as T));
      else pending.push({ node, entered: true }, { node: node.operand, entered: false });
    } else if (node.kind === 'and' || node.kind === 'or') {
      if (entered) results.push(folding.join(node.kind, take(results, node.operands.length)));
      else {
        pending.push({ node, entered: true });
        for (let i = node.operands.length - 1; i >= 0; i--)
          pending.push({ node: node.operands[i] as SelectorNode, entered: false });
      }
    } else {
      results.push(folding.leaf(node));
    }
  }
  return results[0] as T;
}

function take<T>(results: T[], count: number): T[] {
  return results.splice(results.length - count, count);
}

/** The tree with every label name replaced by `rename(name)`, as namespace selectors get their prefix (semantics 3). */
export function mapLabels(node: SelectorNode, rename: (key: string) => string): SelectorNode {
  return rebuild(node, (leaf) => ('key' in leaf ? { ...leaf, key: rename(leaf.key) } : leaf));
}

/** The tree with every `all()` and `global()` replaced by `replace(leaf)` (semantics 3.1.4 and 3.2.1). */
export function replaceAll(node: SelectorNode, replace: (leaf: ConstantNode) => SelectorNode): SelectorNode {
  return rebuild(node, (leaf) => ('key' in leaf ? leaf : replace(leaf)));
}

/**
 * The tree as its printed text reads: where `!` came to stand beside `!`, the run collapses to its parity. Calico prints and reads again
 * what it prefixes or rewrites, and that shows in the ids of its sets.
 */
export function readAgain(node: SelectorNode): SelectorNode {
  const collapse = (operand: SelectorNode): SelectorNode => (operand.kind === 'not' ? operand.operand : not(operand));
  return fold<SelectorNode>(node, {
    leaf: (leaf) => leaf,
    not: collapse,
    join: (kind, operands) => ({ kind, operands }),
  });
}

function rebuild(node: SelectorNode, leaf: (leaf: LeafNode) => SelectorNode): SelectorNode {
  return fold<SelectorNode>(node, { leaf, not, join: (kind, operands) => ({ kind, operands }) });
}
