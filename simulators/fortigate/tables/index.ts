import type { Field } from '../field.ts';
import { atLeast, type Release } from '../release.ts';
import type { Table } from '../table.ts';
import { addressTables } from './address.ts';
import { natTables } from './nat.ts';
import { policyTables } from './policy.ts';
import { serviceTables } from './service.ts';
import { profileTables, systemTables } from './system.ts';

/** In the order in which a configuration can be written: what is named before what names it. */
export const tables: readonly Table[] = [
  ...systemTables,
  ...profileTables,
  ...addressTables,
  ...serviceTables,
  ...natTables,
  ...policyTables,
];

const byId: ReadonlyMap<string, Table> = new Map(tables.map((one) => [one.id, one]));

export const tableOf = (id: string): Table | undefined => byId.get(id);

/** A table that the program itself names. */
export function knownTable(id: string): Table {
  const found = byId.get(id);
  if (found === undefined) throw new Error(`there is no table ${id}`);
  return found;
}

/** The fields that a release has. */
export function fieldsOf(fields: readonly Field[], release: Release): readonly Field[] {
  return fields.filter(({ since }) => since === undefined || atLeast(release, since));
}

/** Where entries of a table can be named: table and field. */
export function referrers(id: string): readonly { readonly table: Table; readonly field: Field }[] {
  return tables.flatMap((table) =>
    table.fields
      .filter(
        (field) =>
          (field.kind === 'reference' || field.kind === 'references') && field.to.some((one) => one.table === id),
      )
      .map((field) => ({ table, field })),
  );
}
