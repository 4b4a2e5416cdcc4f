import { assertNever } from '../base/error.ts';
import type { LeafNode, SelectorNode } from './node.ts';

/** Labels by name. Of a plain object only its own properties count, so `__proto__` and `constructor` are names like any other. */
export type Labels = ReadonlyMap<string, string> | Readonly<Record<string, string>>;

const TRUE = -1;
const FALSE = -2;

/**
 * A selector as a line of leaves, each with where to go when it holds and when it does not: an index, or the end. Evaluation is a walk
 * without recursion that looks at no more leaves than needed.
 */
export interface Program {
  readonly start: number;
  readonly leaves: readonly LeafNode[];
  readonly whenTrue: readonly number[];
  readonly whenFalse: readonly number[];
}

/** An inner node under way; its operands are compiled from the last to the first, because each needs the start of the next. */
interface Frame {
  readonly operands: readonly SelectorNode[];
  readonly kind: 'and' | 'or';
  next: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
}

export function compile(root: SelectorNode): Program {
  const leaves: LeafNode[] = [];
  const whenTrue: number[] = [];
  const whenFalse: number[] = [];
  const frames: Frame[] = [{ kind: 'and', operands: [root], next: 0, whenTrue: TRUE, whenFalse: FALSE }];
  let start = TRUE;
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    let node = frame.operands[frame.next];
    if (node === undefined) {
      frames.pop();
      continue;
    }
    const last = frame.next === frame.operands.length - 1;
    let onTrue = frame.kind === 'and' && !last ? start : frame.whenTrue;
    let onFalse = frame.kind === 'or' && !last ? start : frame.whenFalse;
    frame.next--;
    while (node.kind === 'not') {
      [onTrue, onFalse] = [onFalse, onTrue];
      node = node.operand;
    }
    if (node.kind === 'and' || node.kind === 'or') {
      const { kind, operands } = node;
      frames.push({ kind, operands, next: operands.length - 1, whenTrue: onTrue, whenFalse: onFalse });
    } else {
      start = leaves.push(node) - 1;
      whenTrue.push(onTrue);
      whenFalse.push(onFalse);
    }
  }
  return { start, leaves, whenTrue, whenFalse };
}

/** Whether the selector holds for these labels (semantics 1.3). */
export function run(program: Program, labels: Labels): boolean {
  const { leaves, whenTrue, whenFalse } = program;
  let at = program.start;
  for (let leaf = leaves[at]; leaf !== undefined; leaf = leaves[at]) {
    at = (holds(leaf, labels) ? whenTrue[at] : whenFalse[at]) ?? FALSE;
  }
  return at === TRUE;
}

/** One leaf on a label map. */
function holds(leaf: LeafNode, labels: Labels): boolean {
  return leaf.kind === 'all' || leaf.kind === 'global' || holdsFor(leaf, labelOf(labels, leaf.key));
}

/** One condition on the value of its label; `undefined` is an absent label. Values compare by exact characters. */
export function holdsFor(leaf: Exclude<LeafNode, { kind: 'all' | 'global' }>, value: string | undefined): boolean {
  switch (leaf.kind) {
    case 'has':
      return value !== undefined;
    case 'equal':
      return value === leaf.value;
    case 'notEqual':
      return value !== leaf.value;
    case 'contains':
      return value?.includes(leaf.value) ?? false;
    case 'startsWith':
      return value?.startsWith(leaf.value) ?? false;
    case 'endsWith':
      return value?.endsWith(leaf.value) ?? false;
    case 'in':
      return value !== undefined && leaf.values.includes(value);
    case 'notIn':
      return value === undefined || !leaf.values.includes(value);
    default:
      return assertNever(leaf);
  }
}

function labelOf(labels: Labels, key: string): string | undefined {
  if (isMap(labels)) return labels.get(key);
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** Visits all labels, of either form, and makes nothing for it: a cluster has a million of them. */
export function eachLabel(labels: Labels, visit: (value: string, name: string) => void): void {
  if (isMap(labels)) labels.forEach(visit);
  else for (const [name, value] of Object.entries(labels)) visit(value, name);
}

/** A label named `get` is a text, so a function of that name tells a map. */
function isMap(labels: Labels): labels is ReadonlyMap<string, string> {
  return typeof labels.get === 'function';
}
