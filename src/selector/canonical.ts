import { createHash } from 'node:crypto';
import { assertNever } from '../base/error.ts';
import { type LeafNode, type SelectorNode, fold } from './node.ts';

/** The one text of a tree (semantics 1.4). Text that parses to a tree prints to the same tree again. */
export function print(node: SelectorNode): string {
  return fold(node, {
    leaf: printLeaf,
    not: (operand) => `!${operand}`,
    join: (kind, operands) => `(${operands.join(kind === 'and' ? ' && ' : ' || ')})`,
  });
}

function printLeaf(leaf: LeafNode): string {
  switch (leaf.kind) {
    case 'all':
      return 'all()';
    case 'global':
      return 'global()';
    case 'has':
      return `has(${leaf.key})`;
    case 'equal':
      return `${leaf.key} == ${quote(leaf.value)}`;
    case 'notEqual':
      return `${leaf.key} != ${quote(leaf.value)}`;
    case 'contains':
      return `${leaf.key} contains ${quote(leaf.value)}`;
    case 'startsWith':
      return `${leaf.key} starts with ${quote(leaf.value)}`;
    case 'endsWith':
      return `${leaf.key} ends with ${quote(leaf.value)}`;
    case 'in':
      return `${leaf.key} in {${leaf.values.map(quote).join(', ')}}`;
    case 'notIn':
      return `${leaf.key} not in {${leaf.values.map(quote).join(', ')}}`;
    default:
      return assertNever(leaf);
  }
}

/** Double quotes, unless the value has one itself; decided for each literal. */
function quote(value: string): string {
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}

/**
 * `prefix` and the SHA-224 of prefix and text, base64url without padding: 38 characters after the colon (semantics 1.5 and 4.5).
 * Prefixes: `s:` selector sets, `n:` named-port sets, `svc:` and `svcnoport:` service sets.
 */
export function uniqueId(prefix: 's:' | 'n:' | 'svc:' | 'svcnoport:', text: string): string {
  return prefix + createHash('sha224').update(prefix).update(text).digest('base64url');
}
