import type { ClassId, Ruleset } from '../../border/ruleset.ts';
import { parseAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { FlatList, FlatRule, SourceId } from '../../plan/flat/flat-list.ts';
import type { Dialect } from './dialect.ts';

/**
 * The sources whose members may be lost (design 9): whoever is lost from one has fewer rights, whatever the rest of the list says.
 *
 * - A source that only Allow and Log rules name: what they no longer take, a later rule does, and none of those after an Allow allows more
 *   than that did; what is left is for the owner's rules.
 * - With class layout, the source of a class whose members all lie in `networks` and which is not excepted there: who is lost is unknown,
 *   and denied everything that is governed. With group layout an address lost from one source may stay in another.
 */
export function volatileSources(
  list: FlatList,
  ruleset: Pick<Ruleset, 'networks'>,
  membersOf: (classes: readonly ClassId[]) => ReadonlySet<string>,
  dialect: Pick<Dialect, 'volatile'>,
): ReadonlySet<SourceId> {
  if (dialect.volatile === undefined || dialect.volatile.forOthersAlone === true) return new Set();
  const rulesOf = new Map<SourceId, FlatRule[]>();
  const excepted = new Set<ClassId>();
  const denied = new Set<number>();
  const found = new Set<SourceId>();
  for (const rule of list.rules) {
    if (rule.source.kind === 'Source') {
      const known = rulesOf.get(rule.source.id);
      if (known === undefined) rulesOf.set(rule.source.id, [rule]);
      else known.push(rule);
    } else {
      denied.add(rule.family);
      if (!PrefixSet.all.family(rule.family).subtract(rule.source.prefixes.family(rule.family)).isEmpty)
        found.add(rule.source.except);
      for (const id of list.sources.get(rule.source.except) ?? []) excepted.add(id);
    }
  }
  for (const [id, rules] of rulesOf) {
    const classes = list.sources.get(id) ?? [];
    const isSafe =
      rules.every(({ action }) => action === 'Allow' || action === 'Log') ||
      (list.layout === 'Class' &&
        rules.every(({ family }) => denied.has(family)) &&
        !classes.some((one) => excepted.has(one)) &&
        isWithin(membersOf(classes), ruleset));
    if (isSafe) found.add(id);
  }
  return found;
}

/** Sets that were handed out never change: for each it is worked out once. */
const within = new WeakMap<ReadonlySet<string>, { readonly networks: unknown; readonly is: boolean }>();

function isWithin(members: ReadonlySet<string>, { networks }: Pick<Ruleset, 'networks'>): boolean {
  const known = within.get(members);
  if (known?.networks === networks) return known.is;
  let is = true;
  for (const member of members) {
    const address = parseAddress(member);
    is &&= address !== undefined && networks.contains(address);
  }
  within.set(members, { networks, is });
  return is;
}
