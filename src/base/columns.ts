import { visibleLine } from './visible.ts';

/**
 * Rows as lines: cells padded to the widest of their column, two spaces apart, no trailing blanks. A row is one line whatever its cells hold:
 * what comes out of manifests makes none of its own.
 */
export function columns(cells: readonly (readonly string[])[]): readonly string[] {
  const rows = cells.map((row) => row.map(visibleLine));
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
