import { SallyportError } from '../../base/error.ts';
import type { BorderRule } from '../../border/ruleset.ts';
import { type Item, type Items, constantFrom, isLast, mergeOrigins } from './item.ts';
import { type Match, areDisjoint, intersection, isEverything, joined } from './match.ts';

/** Flows that a rule sends elsewhere. */
export interface Branch {
  readonly match: Match;
  readonly rules: readonly BorderRule[];
}

/** A class that needs more is not flattened: it would take minutes to install and nobody could read it. */
const MAX_ITEMS = 20_000;

/**
 * One list that does `inside` for the flows of any branch, and `outside` for all others. Both are total, and so is the result.
 *
 * Each item of `inside` is narrowed to the branches, except where that changes nothing: where `outside` does the same anyway to what the
 * item matches beyond them. (A deny before the deny-all that ends both lists stays as it was written.) Of a tail that both lists share
 * one copy serves both, if the branches cannot meet what `outside` has before it.
 */
export function branchOff(branches: readonly Branch[], inside: Items, outside: Items): Items {
  if (branches.length === 0 || inside === outside) return outside;
  if (branches.some((branch) => isEverything(branch.match))) return inside;
  const merged = mergeBranches(branches);
  const shared = sharedTail(inside, outside);
  const own = outside.slice(0, outside.length - shared);
  const apart = own.every((item) => merged.every((branch) => areDisjoint(branch.match, item.match)));
  const head = apart ? inside.slice(0, inside.length - shared) : inside;
  const made: Item[] = [];
  for (const item of head) {
    const same = item.action === 'Log' ? undefined : constantFrom(outside, 0, item.match, item.action);
    if (same === undefined) made.push(...narrowedTo(merged, item));
    else made.push(widened(item, same));
    if (made.length + outside.length > MAX_ITEMS)
      throw new SallyportError('FLAT_LIMIT', `more than ${MAX_ITEMS} rules`, { limit: MAX_ITEMS });
    if (same !== undefined && isLast(item)) return withoutIdle(made);
  }
  return withoutIdle([...made, ...outside]);
}

function widened(item: Item, same: Items): Item {
  const origins = mergeOrigins(item.origins, ...same.map((each) => each.origins));
  return origins.length === item.origins.length ? item : { ...item, origins };
}

function narrowedTo(branches: readonly Branch[], item: Item): readonly Item[] {
  const made: Item[] = [];
  for (const branch of branches) {
    const match = intersection(branch.match, item.match);
    if (match === undefined) continue;
    const rules = [...new Set([...item.rules, ...branch.rules])];
    const origins = mergeOrigins(
      item.origins,
      branch.rules.map((rule) => rule.origin),
    );
    const last = made.at(-1);
    const both = last === undefined ? undefined : joined(last.match, match);
    if (last === undefined || both === undefined) made.push({ ...item, match, origins, rules, narrowed: true });
    else
      made[made.length - 1] = {
        ...last,
        match: both,
        origins: mergeOrigins(last.origins, origins),
        rules: [...new Set([...last.rules, ...rules])],
      };
  }
  return made;
}

function mergeBranches(branches: readonly Branch[]): readonly Branch[] {
  const merged: Branch[] = [];
  for (const branch of branches) {
    const last = merged.at(-1);
    const both = last === undefined ? undefined : joined(last.match, branch.match);
    if (last === undefined || both === undefined) merged.push(branch);
    else merged[merged.length - 1] = { match: both, rules: [...last.rules, ...branch.rules] };
  }
  return merged;
}

/** How many items at the end of both are the same ones. */
function sharedTail(a: Items, b: Items): number {
  let count = 0;
  while (count < a.length && count < b.length && a[a.length - 1 - count] === b[b.length - 1 - count]) count++;
  return count;
}

/** Without narrowed items after which all that they match meets the same anyway. */
export function withoutIdle(items: Items): Items {
  // By place: one item can stand in several.
  const idle = new Set<number>();
  for (let at = items.length - 1; at >= 0; at--) {
    const item = items[at];
    if (item === undefined || !item.narrowed || item.action === 'Log') continue;
    if (constantFrom(items, at + 1, item.match, item.action, idle) !== undefined) idle.add(at);
  }
  return idle.size === 0 ? items : items.filter((_item, at) => !idle.has(at));
}
