import { hash } from 'node:crypto';
import { assertNever } from '../base/error.ts';
import type { LeafNode, SelectorNode } from './node.ts';

/**
 * The one text of a tree (semantics 1.4). It parses to the same tree again, unless a negation is negated: Calico prints `!(!has(a))` as
 * `!!has(a)`, which it would read as `has(a)`, and its ids are of what it prints.
 */
export function print(root: SelectorNode): string {
  return printShallow(root, 0) ?? printDeep(root);
}

/** Trees of people and controllers are no deeper than this; there are hundreds of thousands of them. */
const SHALLOW = 16;

/** `undefined` for a tree that is too deep for recursion. */
function printShallow(node: SelectorNode, depth: number): string | undefined {
  if (depth > SHALLOW) return undefined;
  if (node.kind === 'not') {
    const operand = printShallow(node.operand, depth + 1);
    return operand === undefined ? undefined : `!${operand}`;
  }
  if (node.kind !== 'and' && node.kind !== 'or') return printLeaf(node);
  let text = '(';
  for (let n = 0; n < node.operands.length; n++) {
    const operand = printShallow(node.operands[n] as SelectorNode, depth + 1);
    if (operand === undefined) return undefined;
    if (n > 0) text += node.kind === 'and' ? ' && ' : ' || ';
    text += operand;
  }
  return `${text})`;
}

function printDeep(root: SelectorNode): string {
  let text = '';
  // What is still to be written, last first; text and nodes mixed, so that a deep tree costs no more than its length.
  const pending: (string | SelectorNode)[] = [root];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next === 'string') text += next;
    else if (next.kind === 'not') pending.push(next.operand, '!');
    else if (next.kind === 'and' || next.kind === 'or') {
      const separator = next.kind === 'and' ? ' && ' : ' || ';
      pending.push(')');
      for (let n = next.operands.length - 1; n >= 0; n--) {
        pending.push(next.operands[n] as SelectorNode);
        if (n > 0) pending.push(separator);
      }
      pending.push('(');
    } else text += printLeaf(next);
  }
  return text;
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
  // In one piece: V8 keeps the parts of what was put together along with it.
  return [prefix, hash('sha224', prefix + text, 'base64url')].join('');
}
