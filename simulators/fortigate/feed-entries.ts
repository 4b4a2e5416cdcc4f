import { type Range, readEntry, writeAddress } from './addresses.ts';

/** One line of a list. */
export interface FeedEntry {
  readonly text: string;
  readonly comment: string;
  /** `undefined`: it is no address, and counts for nothing. */
  readonly range: Range | undefined;
}

/** A list as it is fetched: a line each, `#` begins a comment (reference 1.10 a). */
export function readList(text: string): readonly FeedEntry[] {
  const entries: FeedEntry[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [before = '', ...after] = line.split('#');
    const entry = before.trim();
    if (entry !== '') entries.push({ text: entry, comment: after.join('#').trim(), range: readEntry(entry) });
  }
  return entries;
}

/** The same text for the same addresses, however they are written. */
export function canonical({ family, from, to }: Range): string {
  const first = writeAddress(family, from);
  return from === to ? first : `${first}-${writeAddress(family, to)}`;
}
