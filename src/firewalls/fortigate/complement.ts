import { type Address, formatAddress, parseAddress } from '../../ip/address.ts';
import { parsePrefix } from '../../ip/prefix.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { type Row, unguarded } from './rows.ts';
import type { FortigateScope } from './scope.ts';
import type { Snapshot } from './snapshot.ts';
import { ADDRESSES, GROUPS, addressValue, namesIn, textOf } from './words.ts';

/** IPv6 ranges that hold every address that is in none of some members (addresses, prefixes, `first-last`); `undefined`: one is none of these. */
export function complementRanges(members: Iterable<string>): readonly string[] | undefined {
  const ranges: (readonly [Address, Address])[] = [];
  for (const member of members) {
    const range = rangeOf(member);
    if (range === undefined) return undefined;
    ranges.push(range);
  }
  return PrefixSet.ofRanges(ranges)
    .complement()
    .ranges(6)
    .map(([first, last]) => {
      const [from, to] = [formatAddress(first), formatAddress(last)];
      return from === to ? from : `${from}-${to}`;
    });
}

function rangeOf(member: string): readonly [Address, Address] | undefined {
  const [first, last] = member.split('-').map(parseAddress);
  if (first !== undefined && last !== undefined) return [first, last];
  const parsed = parsePrefix(member, { bareAddress: true });
  if (!('value' in parsed)) return undefined;
  const [range] = PrefixSet.of([parsed.value]).ranges(parsed.value.family);
  return range;
}

/** The groups of which a group holds the complement; `undefined`: it is no such group. */
export function complementSources(group: Row, scope: FortigateScope): readonly string[] | undefined {
  const [mark, ...sources] = textOf(group, 'comment').split(' ');
  return mark === scope.auxiliaries.complementMark && sources.length > 0 ? sources : undefined;
}

/** The groups of which an IPv6 group holds exactly what is in none of them; `undefined`: it is no such group, or not exactly. */
export function complementedBy(snapshot: Snapshot, name: string, scope: FortigateScope): readonly string[] | undefined {
  const group = snapshot.row(GROUPS[6], name);
  const sources = group && complementSources(group, scope);
  const others = sources?.map((source) => valuesOf(snapshot, source, scope, new Set()));
  const own = valuesOf(snapshot, name, scope, new Set());
  if (own === undefined || others === undefined || others.includes(undefined)) return undefined;
  const expected = complementRanges(others.flatMap((some) => some ?? []));
  return expected !== undefined && own.toSorted().join(' ') === expected.toSorted().join(' ') ? sources : undefined;
}

/** What a group holds, nested ones included. */
function valuesOf(
  snapshot: Snapshot,
  name: string,
  scope: FortigateScope,
  seen: Set<string>,
): readonly string[] | undefined {
  const group = snapshot.row(GROUPS[6], name);
  if (group === undefined || seen.has(name) || unguarded(GROUPS[6], group) !== undefined) return undefined;
  seen.add(name);
  const values: string[] = [];
  for (const member of namesIn(group, 'member')) {
    if (member === scope.auxiliaries.nobody[6]) continue;
    const address = snapshot.row(ADDRESSES[6], member);
    const value = address && addressValue(6, address);
    const nested = address === undefined ? valuesOf(snapshot, member, scope, seen) : undefined;
    if (value?.kind === 'Range') values.push(value.value);
    else if (nested !== undefined) values.push(...nested);
    else return undefined;
  }
  return values;
}
