import { inlineSet } from '../../machine/rules/text.ts';
import type { TableParts } from '../../machine/table-change.ts';

/** A set whose elements are learnt while it is there. */
export interface PlainSet {
  /** As it is written in the table. */
  readonly declaration: string;
  readonly elements: Set<string>;
}

/** One element of a plain set that comes or goes. */
export interface ElementChange {
  readonly change: 'add' | 'delete';
  readonly set: string;
  readonly element: string;
}

/** The plain sets of a table in the kernel, as far as we know. */
export class PlainSets {
  #now: ReadonlyMap<string, PlainSet> = new Map();
  /** As the load under way leaves them. */
  #coming: ReadonlyMap<string, PlainSet> | undefined;

  /** By name. */
  get now(): ReadonlyMap<string, PlainSet> {
    return this.#now;
  }

  /** A table is loaded, whose sets are these; until it is in force, what it takes away is still there. */
  begin(parts: TableParts): void {
    this.#coming = plainSets(parts);
  }

  /** The table is in force. */
  take(): void {
    this.#now = this.#coming ?? this.#now;
  }

  /** The load has ended, whatever came of it. */
  end(): void {
    this.#coming = undefined;
  }

  /** Whether an element is there, and no load under way takes it away: who wants it then has to add it behind that load. */
  has(set: string, element: string): boolean {
    return (
      this.#now.get(set)?.elements.has(element) === true &&
      (this.#coming === undefined || this.#coming.get(set)?.elements.has(element) === true)
    );
  }

  elementsOf(set: string): ReadonlySet<string> {
    return this.#now.get(set)?.elements ?? new Set();
  }

  /** Of changes those that there is something to change for: sets may have gone, and elements come, with a load before. */
  due(changes: readonly ElementChange[]): readonly ElementChange[] {
    return changes.filter(({ change, set, element }) => {
      const elements = this.#now.get(set)?.elements;
      return elements !== undefined && elements.has(element) !== (change === 'add');
    });
  }

  /** Changes are in force. */
  changed(changes: readonly ElementChange[]): void {
    for (const { change, set, element } of changes)
      if (change === 'add') this.#now.get(set)?.elements.add(element);
      else this.#now.get(set)?.elements.delete(element);
  }
}

/** The sets that are no intervals. */
function plainSets({ sets }: TableParts): ReadonlyMap<string, PlainSet> {
  const plain = [...sets].filter(([, { declaration }]) => !declaration.includes('flags'));
  return new Map(
    plain.map(([name, { declaration, elements }]) => {
      const listed = elements === '' ? [] : elements.slice('elements = { '.length, -' }'.length).split(', ');
      return [name, { declaration, elements: new Set(listed) }];
    }),
  );
}

/** The parts with the elements that plain sets have now. */
export function withElements(parts: TableParts, plain: ReadonlyMap<string, PlainSet>): TableParts {
  const sets = new Map(parts.sets);
  for (const [name, { declaration, elements }] of plain) {
    const text = elements.size === 0 ? '' : `elements = ${inlineSet([...elements].toSorted())}`;
    if (sets.has(name)) sets.set(name, { declaration, elements: text });
  }
  return { ...parts, sets };
}

/**
 * The command for nft that makes a change. An addition declares its set once more, as it is: before `add element` nft reads all sets there are, and
 * before `add set` none. The kernel refuses a declaration that differs from what it has.
 */
export function elementCommand(
  table: string,
  { change, set, element }: ElementChange,
  plain: ReadonlyMap<string, PlainSet>,
): string {
  return change === 'add'
    ? `add set ${table} ${set} { ${plain.get(set)?.declaration}; elements = { ${element} }; }`
    : `delete element ${table} ${set} { ${element} }`;
}

/** What of plain sets is otherwise in a listing, in words; `except`: elements, behind their set, of which that is not known. */
export function elementDifferences(
  plain: ReadonlyMap<string, PlainSet>,
  listed: ReadonlyMap<string, ReadonlySet<string>>,
  except: ReadonlySet<string>,
): readonly string[] {
  const found: string[] = [];
  for (const [set, { elements }] of plain) {
    const there = listed.get(set) ?? new Set();
    for (const element of new Set([...elements, ...there])) {
      if (elements.has(element) === there.has(element) || except.has(`${set} ${element}`)) continue;
      found.push(`element ${element} of set ${set} ${elements.has(element) ? 'is gone' : 'is not ours'}`);
    }
  }
  return found;
}

/** What a listing shows besides rules and what is learnt. */
export function besideRules({ sets, counters, chains }: TableParts): string {
  const shown = [...sets].map(([name, { declaration, elements }]) =>
    declaration.includes('flags') ? [name, declaration, elements] : [name, declaration],
  );
  return JSON.stringify([shown, [...counters], [...chains].map(([name, { hook }]) => [name, hook])]);
}
