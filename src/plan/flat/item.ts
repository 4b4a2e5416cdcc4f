import type { BorderRule, Origin } from '../../border/ruleset.ts';
import type { FlatAction } from './flat-list.ts';
import { EVERYTHING, type Match, areDisjoint, covers, destinationKey, isEverything, matchKey } from './match.ts';
import { ANYWHERE, coversTerm } from './term.ts';

/** A flat rule in the making, for whichever sender. */
export interface Item {
  readonly match: Match;
  readonly action: FlatAction;
  readonly origins: readonly Origin[];
  /** The rules that it says, the deciding one first; none for the ends of stages and parts. */
  readonly rules: readonly BorderRule[];
  /** Made by narrowing another one: what it adds to a list can be left out where it adds nothing. */
  readonly narrowed: boolean;
}

/** Items of which the first that matches and is no `Log` decides. Total: some item decides every flow. */
export type Items = readonly Item[];

const NONE: ReadonlySet<number> = new Set();

/** Looking further for what may be left out would cost more than it saves. */
const LOOK_AHEAD = 256;

export function decideAll(action: FlatAction, origin: Origin): Item {
  return { match: EVERYTHING, action, origins: [origin], rules: [], narrowed: false };
}

export function isLast(item: Item): boolean {
  return item.action !== 'Log' && isEverything(item.match);
}

/** Without what no flow reaches. */
export function reachable(items: Items): Items {
  const last = items.findIndex(isLast);
  return last < 0 || last === items.length - 1 ? items : items.slice(0, last + 1);
}

/**
 * Whether every flow of `match` that comes to `items[from]` meets `action` there and no `Log`; if so, the items that say it. `undefined`:
 * no, or it takes too long to tell. `skipped`: places as if they were empty.
 */
export function constantFrom(
  items: Items,
  from: number,
  match: Match,
  action: FlatAction,
  skipped: ReadonlySet<number> = NONE,
): Items | undefined {
  const deciding: Item[] = [];
  const end = Math.min(items.length, from + LOOK_AHEAD);
  for (let at = from; at < end; at++) {
    const item = items[at];
    if (item === undefined || skipped.has(at) || areDisjoint(item.match, match)) continue;
    if (item.action !== action) return undefined;
    deciding.push(item);
    if (covers(item.match, match)) return deciding;
  }
  return undefined;
}

/**
 * Without items that no flow reaches because one item before decides all that they match. Looked for are items before that go to the same
 * destinations or anywhere: that finds what narrowing repeats, and costs little.
 */
export function withoutShadowed(items: Items): Items {
  const anywhere: Match[] = [];
  const byDestination = new Map<string, Match[]>();
  return items.filter(({ action, match }) => {
    const key = destinationKey(match);
    const same = byDestination.get(key) ?? [];
    if ([...same, ...anywhere].some((before) => covers(before, match))) return false;
    if (action === 'Log') return true;
    if (match.terms.some((term) => coversTerm(term, ANYWHERE))) anywhere.push(match);
    else byDestination.set(key, [...same, match]);
    return true;
  });
}

/** A text that items share which do the same for the same reason. */
export function itemKey(item: Item): string {
  return `${item.action} ${matchKey(item.match)} ${JSON.stringify(item.origins)}`;
}

export function mergeOrigins(...lists: readonly (readonly Origin[])[]): readonly Origin[] {
  const byText = new Map<string, Origin>();
  for (const origin of lists.flat()) {
    const text = JSON.stringify([origin.policy, origin.rule ?? null]);
    if (!byText.has(text)) byText.set(text, origin);
  }
  return [...byText.values()];
}
