import type { LiveRules, LiveTable } from './kernel-listing.ts';

/** More than these nobody reads. */
const MOST_TOLD = 10;

/**
 * What somebody changed between two readings of a table, in words; empty where it is the same but for what was counted and learnt. `textOf`: a rule of
 * `held`, by its chain and place.
 */
export function tableDifferences(
  held: LiveTable,
  now: LiveTable | undefined,
  textOf: (chain: string, place: number) => string | undefined,
): readonly string[] {
  if (now === undefined) return ['the table is gone'];
  const found: string[] = [];
  for (const [chain, rules] of held.chains) {
    const there = now.chains.get(chain);
    if (there === undefined) found.push(`chain ${chain} is gone`);
    else found.push(...ruleDifferences(chain, rules, there, now.texts, (place) => textOf(chain, place)));
  }
  for (const chain of now.chains.keys()) if (!held.chains.has(chain)) found.push(`chain ${chain} is not ours`);
  if (held.rest !== undefined && held.rest !== now.rest) found.push(...lineDifferences(held.rest, now.rest ?? ''));
  return found;
}

/** The first of them, and how many there are besides. */
export function briefly(changes: readonly string[]): string {
  const more = changes.length - MOST_TOLD;
  return `${changes.slice(0, MOST_TOLD).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

function ruleDifferences(
  chain: string,
  held: LiveRules,
  now: LiveRules,
  texts: ReadonlyMap<number, string>,
  textOf: (place: number) => string | undefined,
): readonly string[] {
  const before = new Map(held.handles.map((handle, place) => [handle, place]));
  const after = new Map(now.handles.map((handle, place) => [handle, place]));
  const said = (what: string, text: string | undefined): string =>
    text === undefined ? `a rule of chain ${chain} ${what}` : `rule "${text}" of chain ${chain} ${what}`;
  const gone = held.handles.flatMap((handle, place) => (after.has(handle) ? [] : [said('is gone', textOf(place))]));
  const strange = now.handles.flatMap((handle) => (before.has(handle) ? [] : [said('is not ours', texts.get(handle))]));
  const other = held.handles.flatMap((handle, place) => {
    const there = after.get(handle);
    if (there === undefined || now.prints[there] === held.prints[place]) return [];
    const text = texts.get(handle);
    return [said(text === undefined ? 'is another' : `is another, "${text}"`, textOf(place))];
  });
  const all = [...gone, ...strange, ...other];
  const isMoved = all.length === 0 && held.handles.some((handle, place) => now.handles[place] !== handle);
  return isMoved ? [`the rules of chain ${chain} stand in another order`] : all;
}

/** Of declarations: chains with their hooks and policies, sets, counters and whatever else is named. */
function lineDifferences(held: string, now: string): readonly string[] {
  const [before, after] = [counted(held), counted(now)];
  const only = (one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>, what: string): string[] =>
    [...one].flatMap(([line, times]) => (times > (other.get(line) ?? 0) ? [`"${line}" ${what}`] : []));
  const all = [...only(before, after, 'is gone'), ...only(after, before, 'is not ours')];
  return all.length === 0 ? ['what is declared stands in another order'] : all;
}

function counted(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  for (const line of text.split('\n')) {
    const plain = line.trim();
    if (plain !== '' && plain !== '}') lines.set(plain, (lines.get(plain) ?? 0) + 1);
  }
  return lines;
}
