import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const NAME = /^(\d{8})\.ndjson$/;

/** One file of a trail. */
export interface Segment {
  readonly number: number;
  readonly path: string;
}

/** The files of a trail, oldest first; none where there is no trail. */
export function segmentsIn(folder: string): readonly Segment[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw thrown;
  }
  return names
    .flatMap((name) => {
      const number = NAME.exec(name)?.[1];
      return number === undefined ? [] : [{ number: Number(number), path: join(folder, name) }];
    })
    .toSorted((a, b) => a.number - b.number);
}

export function segmentAt(folder: string, number: number): Segment {
  return { number, path: join(folder, `${String(number).padStart(8, '0')}.ndjson`) };
}
