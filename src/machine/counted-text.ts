import { type Count, type Counts, withCount } from './table-change.ts';

const PLACE = /^\s*(table|chain) (?:inet )?(\S+) \{$/;

/** A text of whole tables of `inet`, with what their rules counted: of a comment in a chain, the first with the first. `counts`: by the name of a table. */
export function countedText(text: string, counts: ReadonlyMap<string, Counts>): string {
  let table = '';
  let left = new Map<string | undefined, Count[]>();
  const counting = (line: string): string => {
    const [, kind, name = ''] = PLACE.exec(line) ?? [];
    if (kind === 'table') table = name;
    if (kind === 'chain') left = countsByComment(counts.get(table)?.rules.get(name) ?? []);
    const comment = /comment "([^"]*)"$/.exec(line)?.[1];
    const count = comment === undefined ? undefined : left.get(comment)?.shift();
    return count === undefined ? line : withCount(line, count);
  };
  return text.split('\n').map(counting).join('\n');
}

function countsByComment(
  rules: readonly { readonly comment: string | undefined; readonly count: Count | undefined }[],
): Map<string | undefined, Count[]> {
  const counts = new Map<string | undefined, Count[]>();
  for (const { comment, count } of rules) {
    if (count === undefined) continue;
    const found = counts.get(comment);
    if (found === undefined) counts.set(comment, [count]);
    else found.push(count);
  }
  return counts;
}
