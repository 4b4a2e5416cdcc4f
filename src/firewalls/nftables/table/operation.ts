import { assertNever } from '../../../base/error.ts';
import type { ObjectChange } from '../../../plan/step.ts';
import { refuseUnsafe } from './check.ts';
import { type Base, type NftMap, type NftSet, type Rule, type SetType, TABLE } from './model.ts';
import { renderBase, renderElement, renderElements, renderMapHead, renderRule, renderSetHead } from './render.ts';

/** One command of a transaction. */
export type Operation =
  /** Refused if the table is there: of two first writers one loses. */
  | { readonly op: 'createTable' }
  | { readonly op: 'addTable' }
  | { readonly op: 'deleteTable' }
  /** Without the elements. */
  | { readonly op: 'addSet'; readonly name: string; readonly set: NftSet }
  | { readonly op: 'addMap'; readonly name: string; readonly map: NftMap }
  | { readonly op: 'deleteSet'; readonly name: string }
  | { readonly op: 'flushMap'; readonly name: string }
  | { readonly op: 'deleteMap'; readonly name: string }
  | { readonly op: 'addChain'; readonly name: string; readonly base?: Base }
  | { readonly op: 'flushChain'; readonly name: string }
  | { readonly op: 'deleteChain'; readonly name: string }
  | { readonly op: 'addRules'; readonly chain: string; readonly rules: readonly Rule[] }
  | {
      readonly op: 'addElements' | 'deleteElements';
      readonly set: string;
      readonly type: SetType;
      readonly elements: readonly string[];
    }
  | { readonly op: 'addEntries'; readonly map: string; readonly entries: readonly (readonly [string, string])[] }
  | { readonly op: 'deleteEntries'; readonly map: string; readonly keys: readonly string[] };

/** The lines of one operation. */
export function renderOperation(operation: Operation): readonly string[] {
  switch (operation.op) {
    case 'createTable':
      return [`create table inet ${TABLE}`];
    case 'addTable':
      return [`add table inet ${TABLE}`];
    case 'deleteTable':
      return [`delete table inet ${TABLE}`];
    case 'addSet':
      return [`add set inet ${TABLE} ${operation.name} { ${renderSetHead(operation.set)} }`];
    case 'addMap':
      return [`add map inet ${TABLE} ${operation.name} { ${renderMapHead(operation.map)} }`];
    case 'deleteSet':
      return [`delete set inet ${TABLE} ${operation.name}`];
    case 'flushMap':
      return [`flush map inet ${TABLE} ${operation.name}`];
    case 'deleteMap':
      return [`delete map inet ${TABLE} ${operation.name}`];
    case 'addChain': {
      const base = operation.base === undefined ? '' : ` { ${renderBase(operation.base)} }`;
      return [`add chain inet ${TABLE} ${operation.name}${base}`];
    }
    case 'flushChain':
      return [`flush chain inet ${TABLE} ${operation.name}`];
    case 'deleteChain':
      return [`delete chain inet ${TABLE} ${operation.name}`];
    case 'addRules':
      return operation.rules.map((rule) => `add rule inet ${TABLE} ${operation.chain} ${renderRule(rule)}`);
    case 'addElements':
    case 'deleteElements': {
      const elements = operation.elements.map((element) => renderElement(operation.type, element));
      return renderElements(operation.op === 'addElements' ? 'add' : 'delete', operation.set, elements);
    }
    case 'addEntries':
      return renderElements(
        'add',
        operation.map,
        operation.entries.map(([key, value]) => `${key} : ${value}`),
      );
    case 'deleteEntries':
      return renderElements('delete', operation.map, operation.keys);
    default:
      return assertNever(operation);
  }
}

/** One transaction as `nft -f` takes it: a command a line. Throws INTERNAL for what we never mean to send (`refuseUnsafe`). */
export function renderOperations(operations: readonly Operation[]): string {
  return refuseUnsafe(
    operations
      .flatMap(renderOperation)
      .map(
        (line) => `${line}
`,
      )
      .join(''),
  );
}

/** What a transaction does to our objects, for people; sorted by kind and name. */
export function describeOperations(operations: readonly Operation[]): readonly ObjectChange[] {
  const changes = new Map<string, ObjectChange>();
  const note = (change: ObjectChange['change'], kind: string, name: string, detail: string): void => {
    const key = `${kind} ${name}`;
    const before = changes.get(key);
    if (before === undefined) changes.set(key, { change, kind, name, detail });
    else {
      const both = before.change === change || change === '~' ? before.change : '~';
      changes.set(key, { change: both, kind, name, detail: [before.detail, detail].filter(Boolean).join(', ') });
    }
  };
  for (const operation of operations) {
    switch (operation.op) {
      case 'createTable':
      case 'addTable':
        note('+', 'table', TABLE, '');
        break;
      case 'deleteTable':
        note('-', 'table', TABLE, '');
        break;
      case 'addSet':
        note('+', 'set', operation.name, '');
        break;
      case 'addMap':
        note('+', 'map', operation.name, '');
        break;
      case 'addChain':
        note('+', 'chain', operation.name, '');
        break;
      case 'deleteSet':
        note('-', 'set', operation.name, '');
        break;
      case 'deleteMap':
        note('-', 'map', operation.name, '');
        break;
      case 'deleteChain':
        note('-', 'chain', operation.name, '');
        break;
      case 'flushMap':
      case 'flushChain':
        break;
      case 'addRules':
        note('~', 'chain', operation.chain, counted(operation.rules.length, 'rule', 'rules'));
        break;
      case 'addElements':
        note('~', 'set', operation.set, `+${counted(operation.elements.length, 'element', 'elements')}`);
        break;
      case 'deleteElements':
        note('~', 'set', operation.set, `-${counted(operation.elements.length, 'element', 'elements')}`);
        break;
      case 'addEntries':
        note('~', 'map', operation.map, `+${counted(operation.entries.length, 'element', 'elements')}`);
        break;
      case 'deleteEntries':
        note('~', 'map', operation.map, `-${counted(operation.keys.length, 'element', 'elements')}`);
        break;
      default:
        assertNever(operation);
    }
  }
  return [...changes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Elements alone come or go. */
export function isMembership({ op }: Operation): boolean {
  return op === 'addElements' || op === 'deleteElements' || op === 'addEntries' || op === 'deleteEntries';
}

/** `nft monitor` may not tell what it does. */
export function changesIntervals(operation: Operation): boolean {
  if (operation.op === 'deleteTable') return true;
  // A set that goes with its elements is told as a set.
  if (operation.op !== 'addElements' && operation.op !== 'deleteElements') return false;
  return operation.type === 'net4' || operation.type === 'net6' || operation.type === 'service';
}
