/** An entry of a table as the device tells it. */
export type ToldRow = Readonly<Record<string, unknown>>;

/** A field of an entry as text; empty where the device does not tell it. */
export function toldText(row: ToldRow, field: string): string {
  const value = row[field];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** The names in a child table. */
export function toldNames(row: ToldRow, field: string, key = 'name'): readonly string[] {
  const value = row[field];
  if (!Array.isArray(value)) return [];
  return value.map((each: unknown) => {
    const name: unknown = typeof each === 'object' && each !== null && key in each ? Reflect.get(each, key) : each;
    return typeof name === 'string' || typeof name === 'number' ? String(name) : '';
  });
}

export function isOn(row: ToldRow, field: string): boolean {
  return toldText(row, field) === 'enable';
}

/** A value that every entry has which says nothing in this field. */
export function saysNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === 'object') return Object.keys(value).length === 0;
  return value === 'disable' || value === 0 || (typeof value === 'string' && /^(0x)?[0.: /]*$/.test(value));
}
