import { BucketMap } from '../../base/bucket-map.ts';
import type { ObjectChange, Step } from '../../plan/step.ts';
import type { Transaction } from './device.ts';
import type { Program } from './program.ts';

/** A step before it is tied to a state of the device. */
export interface Draft {
  readonly step: Step;
  readonly change: Pick<Transaction, 'objects' | 'rows'>;
}

type Row = readonly [string, string | undefined];

/** Texts and rows collected for one transaction. */
class Collector {
  readonly objects = new Map<string, string | undefined>();
  readonly rows = new Map<string, Row[]>();

  row(table: string, row: Row): void {
    const list = this.rows.get(table);
    if (list === undefined) this.rows.set(table, [row]);
    else list.push(row);
  }

  drafts(kind: Step['kind'], title: string, before: Program, urgent = false): readonly Draft[] {
    if (this.objects.size === 0 && this.rows.size === 0) return [];
    const objects: ObjectChange[] = [];
    for (const [name, text] of this.objects)
      objects.push({
        change: text === undefined ? '-' : before.objects.has(name) ? '~' : '+',
        kind: name.split(' ')[0] ?? name,
        name,
        detail: text ?? '',
      });
    for (const [name, rows] of this.rows) {
      const gone = rows.filter(([, text]) => text === undefined).length;
      objects.push({ change: '~', kind: 'table', name, detail: `${rows.length - gone} rows set, ${gone} removed` });
    }
    objects.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.kind < b.kind ? -1 : 1));
    return [{ step: { kind, title, objects, urgent }, change: this }];
  }
}

/**
 * From one program to another. With unchanged settings, first the rows of addresses that are gone, then the rules and moves in one
 * transaction, then the rows of new addresses, then leftovers: each prefix keeps invariant 1, because an address that is gone or new
 * counts as unknown in between, as it does before or after. With other settings all of it is one transaction.
 */
export function drafts(before: Program, after: Program): readonly Draft[] {
  const gone = new Collector();
  const rules = new Collector();
  const joins = new Collector();
  const leftovers = new Collector();
  const apart = before.objects.get('settings') === after.objects.get('settings');
  for (const [name, text] of [...after.objects].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    if (before.objects.get(name) !== text) rules.objects.set(name, text);
  for (const name of [...before.objects.keys()].toSorted())
    if (!after.objects.has(name)) (unreferenced(name) && apart ? leftovers : rules).objects.set(name, undefined);
  const membersBefore = rowsOf(before, 'members');
  const membersAfter = rowsOf(after, 'members');
  for (const table of [...new Set([...before.tables.keys(), ...after.tables.keys()])].toSorted()) {
    const { added, removed, changed } = rowsOf(before, table).difference(rowsOf(after, table));
    for (const [key] of removed)
      (apart && membersBefore.has(key) && !membersAfter.has(key) ? gone : rules).row(table, [key, undefined]);
    for (const [key, text] of added)
      (apart && !membersBefore.has(key) && membersAfter.has(key) ? joins : rules).row(table, [key, text]);
    for (const [key, , text] of changed) rules.row(table, [key, text]);
  }
  return [
    ...gone.drafts('Members', 'addresses given up leave', before, true),
    ...rules.drafts(
      rules.objects.size === 0 ? 'Members' : 'Rules',
      rules.objects.size === 0 ? 'addresses move' : 'rules',
      before,
    ),
    ...joins.drafts('Members', 'new addresses join', before),
    ...leftovers.drafts('Clean', 'what nothing uses any more', before),
  ];
}

/** Nothing looks at a class without members or at a group without rules. */
function unreferenced(name: string): boolean {
  return name.startsWith('class ') || name.startsWith('group ');
}

function rowsOf(program: Program, table: string): BucketMap<string> {
  return program.tables.get(table) ?? BucketMap.empty();
}
