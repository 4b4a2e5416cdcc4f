/** A field's content: text, number, rows of a child table, or a part with fields of its own. */
export type Value = string | number | readonly Row[] | Row;

/** One entry of a table; never changed, only replaced. */
export interface Row {
  readonly [field: string]: Value;
}

export const isRows = (value: Value | undefined): value is readonly Row[] => Array.isArray(value);

/** A field that holds text; the empty text if it holds none. */
export function textOf(row: Row, field: string): string {
  const value = row[field];
  return typeof value === 'string' ? value : '';
}

export function numberOf(row: Row, field: string): number {
  const value = row[field];
  return typeof value === 'number' ? value : 0;
}

export function rowsOf(row: Row, field: string): readonly Row[] {
  const value = row[field];
  return isRows(value) ? value : [];
}

/** The names in a child table of names. */
export function namesOf(row: Row, field: string): readonly string[] {
  return rowsOf(row, field).map((one) => textOf(one, 'name'));
}

/** The same text for the same content, whatever the order of writing was. */
export function rowText(row: Row): string {
  return JSON.stringify(row);
}

/** A text or number as text; the empty text for anything else. */
export function wordOf(value: Value | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
