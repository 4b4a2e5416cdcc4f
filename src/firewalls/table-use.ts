import type { TableUse } from './driver.ts';

/** Part of a limit from which on a table is told of: what comes next may be what does not fit (vendor reference, PAN-OS 1.10). */
const NEARLY = 0.9;

/** Tables of a device with little room left, for people. */
export function nearlyFull(tables: readonly TableUse[] = []): readonly string[] {
  return tables
    .filter(({ used, most }) => used >= NEARLY * most)
    .map(({ table, used, most }) => `${table}: ${used} of ${most} are in use`);
}
