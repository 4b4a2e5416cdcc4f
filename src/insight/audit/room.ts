import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { segmentsIn } from './segments.ts';

/** The size of a file of a trail at most, in bytes; a record takes some kilobytes. */
export const FILE_BYTES = 16 << 20;
const SMALLEST_BYTES = 64 << 10;
/** Fewer trails share the room out as if they were so many: what is old then goes in small parts. */
const FEW = 8;

/** Bytes of one file where all trails of a folder have so much room together. The newest file of each, which always stays, takes half of it. */
export function fileBytesIn(folder: string, roomBytes: number): number {
  const share = Math.floor(roomBytes / (2 * Math.max(FEW, trailsIn(folder).length)));
  return Math.min(FILE_BYTES, Math.max(SMALLEST_BYTES, share));
}

/** Removes what was written longest ago, of any trail in the folder, until another file fits; never the newest file of a trail. */
export function makeRoom(folder: string, roomBytes: number, fileBytes: number): void {
  const older: { readonly path: string; readonly size: number; readonly at: number }[] = [];
  let taken = 0;
  for (const trail of trailsIn(folder)) {
    const files = segmentsIn(trail).map(({ path }) => {
      const { size, mtimeMs: at } = statSync(path);
      return { path, size, at };
    });
    for (const { size } of files) taken += size;
    older.push(...files.slice(0, -1));
  }
  for (const { path, size } of older.toSorted((a, b) => a.at - b.at)) {
    if (taken + fileBytes <= roomBytes) return;
    rmSync(path, { force: true });
    taken -= size;
  }
}

function trailsIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
}
