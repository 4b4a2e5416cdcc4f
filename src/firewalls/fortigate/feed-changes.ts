import type { Operation } from '../rulebase/operation.ts';
import type { FeedChange } from './feeds.ts';
import { feedEntries } from './read-groups.ts';

/** What movements of members come to in the entries of these feeds. `held`: what each holds. */
export function feedChanges(
  operations: readonly Operation[],
  feeds: Iterable<string>,
  held: (feed: string) => readonly string[],
): readonly FeedChange[] {
  return [...feeds].map((name) => {
    const before = new Set(held(name));
    const members = new Set(before);
    const moves = operations.flatMap((one) => (one.kind === 'ChangeMembers' && one.group.name === name ? [one] : []));
    for (const { leaves } of moves) for (const entry of leaves) members.delete(entry);
    for (const { joins } of moves) for (const entry of joins) members.add(entry);
    const target = feedEntries(members);
    return {
      name,
      adds: [...target].filter((entry) => !before.has(entry)),
      removes: [...before].filter((entry) => !target.has(entry)),
    };
  });
}
