import { SallyportError } from '../../base/error.ts';
import { isMarked, isMarkedByAnybody } from '../rulebase/names.ts';
import type { Row } from './rows.ts';
import type { FortigateScope } from './scope.ts';
import type { Position } from './settings.ts';
import { POLICY, TRANSLATION, commentOf, textOf } from './words.ts';

/** Where a policy has to go. */
export interface Move {
  readonly key: string;
  readonly side: 'before' | 'after';
  readonly target: string;
}

/** Tables whose entries are asked in their order, the first match deciding. */
export type OrderedTable = typeof POLICY | typeof TRANSLATION;

/** What an entry of ours is called: policies have names, rules of central translation have them in their comment. */
export function rowName(table: OrderedTable, row: Row, scope: FortigateScope): string {
  return table === POLICY ? textOf(row, 'name') : scope.afterMark(commentOf(table, row));
}

/** The position among the rules of others is about policies; translations of ours come first. */
function positionIn(table: OrderedTable, { position }: FortigateScope): Position {
  return table === POLICY ? position : 'First';
}

/** Entries in the order in which the device asks them, while they are edited. */
export class OrderedRows {
  readonly #table: OrderedTable;
  readonly #rows: Map<string, Row>;
  readonly #scope: FortigateScope;
  #order: string[];

  /** `rows`: by key, in order; kept up to date by whoever edits. */
  constructor(table: OrderedTable, rows: Map<string, Row>, scope: FortigateScope) {
    this.#table = table;
    this.#rows = rows;
    this.#scope = scope;
    this.#order = [...rows.keys()];
  }

  /** The key of a policy of ours by its whole name. */
  keyOf(name: string): string | undefined {
    return this.#order.find((key) => this.#nameOf(key) === name && this.#isOurs(key));
  }

  #nameOf(key: string): string {
    return rowName(this.#table, this.#rows.get(key) ?? {}, this.#scope);
  }

  /** Keys of all policies that a rule of ours takes, in their order. */
  keysOf(rule: string): readonly string[] {
    return this.#order.filter((key) => ruleOfPolicy(this.#nameOf(key)) === rule && this.#isOurs(key));
  }

  append(key: string, row: Row): void {
    this.#rows.set(key, row);
    this.#order.push(key);
  }

  remove(key: string): void {
    this.#order = this.#order.filter((one) => one !== key);
  }

  /** The move that brings a policy of ours right below a rule of ours, or, without one, to the head of our block; absent: it is there. */
  place(key: string, after: string | undefined): Move | undefined {
    return this.#moved(key, after === undefined ? this.#head(key) : this.#below(after));
  }

  /** The move that brings a policy right below another one, by its key; absent: it is there. */
  placeBelow(key: string, target: string): Move | undefined {
    return this.#moved(key, { side: 'after', target });
  }

  #moved(key: string, target: Omit<Move, 'key'> | undefined): Move | undefined {
    if (target === undefined || target.target === key) return undefined;
    const rest = this.#order.filter((one) => one !== key);
    const at = rest.indexOf(target.target) + (target.side === 'after' ? 1 : 0);
    const next = [...rest.slice(0, at), key, ...rest.slice(at)];
    if (next.every((one, index) => one === this.#order[index])) return undefined;
    this.#order = next;
    return { key, ...target };
  }

  #below(rule: string): Omit<Move, 'key'> {
    const target = this.keysOf(rule).at(-1);
    if (target === undefined) throw new SallyportError('DEVICE_CHANGED', `the policy ${rule} is not there any more`);
    return { side: 'after', target };
  }

  /** Next to which policy the first of our block stands; absent: there is no other. */
  #head(own: string): Omit<Move, 'key'> | undefined {
    const position = positionIn(this.#table, this.#scope);
    const rest = this.#order.filter((key) => key !== own);
    if (position === 'First' || (position !== 'Last' && 'after' in position)) {
      let at = position === 'First' ? 0 : rest.indexOf(this.#foreign(position.after)) + 1;
      while (this.#isOthers(rest[at])) at++;
      const target = rest[at];
      const above = rest[at - 1];
      if (target !== undefined) return { side: 'before', target };
      return above === undefined ? undefined : { side: 'after', target: above };
    }
    // The block ends at its position: its head is where it begins now.
    let end = position === 'Last' ? rest.length : rest.indexOf(this.#foreign(position.before));
    while (this.#isOthers(rest[end - 1])) end--;
    let begin = end;
    while (begin > 0 && this.#isOurs(rest[begin - 1] ?? '')) begin--;
    const first = rest[begin];
    if (first !== undefined) return { side: 'before', target: first };
    const last = rest.at(-1);
    return last === undefined ? undefined : { side: 'after', target: last };
  }

  #foreign(name: string): string {
    const key = this.#order.find((one) => textOf(this.#rows.get(one) ?? {}, 'name') === name && !this.#isOurs(one));
    if (key === undefined)
      throw new SallyportError(
        'DEVICE_REJECTED',
        `options.position of the BorderFirewall names the policy "${name}", next to which ours shall stand, and the VDOM has none of this name that is not ours; nothing of the change is written. Name one that is there, or make it`,
      );
    return key;
  }

  #isOthers(key: string | undefined): boolean {
    const row = key === undefined ? undefined : this.#rows.get(key);
    return row !== undefined && isOfOthers(this.#table, row, this.#scope);
  }

  #isOurs(key: string): boolean {
    const row = this.#rows.get(key);
    return row !== undefined && isMarked(commentOf(this.#table, row), this.#scope.cluster);
  }
}

/** Whether an entry is of a Sallyport of another cluster. */
function isOfOthers(table: OrderedTable, row: Row, { cluster }: FortigateScope): boolean {
  const comment = commentOf(table, row);
  return isMarkedByAnybody(comment) && !isMarked(comment, cluster);
}

/** A rule with services that cannot stand together takes several policies: `sp-…`, `sp-….2`, `sp-….3`. */
export function policyName(rule: string, index: number): string {
  return index === 0 ? rule : `${rule}.${index + 1}`;
}

export function ruleOfPolicy(name: string): string {
  return name.replace(/\.\d{1,3}$/, '');
}

/** Names of our rules that do not stand in our block, at its position. */
export function straysAmong(table: OrderedTable, rows: readonly Row[], scope: FortigateScope): ReadonlySet<string> {
  const isOurs = (row: Row | undefined): boolean => row !== undefined && isMarked(commentOf(table, row), scope.cluster);
  const position = positionIn(table, scope);
  const anchor = (name: string): number => rows.findIndex((row) => textOf(row, 'name') === name && !isOurs(row));
  const block = new Set<Row>();
  const gather = (from: number, step: 1 | -1): void => {
    for (let at = from; isOurs(rows[at]); at += step) {
      const row = rows[at];
      if (row !== undefined) block.add(row);
    }
  };
  // Blocks of other clusters may want the same place: whoever came first has it.
  const isOthers = (row: Row | undefined): boolean => row !== undefined && isOfOthers(table, row, scope);
  const beyondOthers = (from: number, step: 1 | -1): number => {
    let at = from;
    while (isOthers(rows[at])) at += step;
    return at;
  };
  if (position === 'First') gather(beyondOthers(0, 1), 1);
  else if (position === 'Last') gather(beyondOthers(rows.length - 1, -1), -1);
  else if ('after' in position) gather(beyondOthers(anchor(position.after) + 1, 1), 1);
  else gather(beyondOthers(anchor(position.before) - 1, -1), -1);
  return new Set(
    rows.filter((row) => isOurs(row) && !block.has(row)).map((row) => ruleOfPolicy(rowName(table, row, scope))),
  );
}
