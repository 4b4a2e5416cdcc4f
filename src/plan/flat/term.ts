import type { Family, GroupId, Outside } from '../../border/ruleset.ts';
import { compareUtf8 } from '../../base/compare.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';

/**
 * A set of destinations: those in `nets` (absent: anywhere), in each group of `all`, in none of `none`, and for each list of `domains` an
 * address of any of them. What groups and domains hold is not known here, and may be anything. Lists are sorted, without repetition.
 */
export interface Term {
  readonly nets?: PrefixSet;
  readonly all: readonly GroupId[];
  readonly none: readonly GroupId[];
  readonly domains: readonly (readonly string[])[];
}

export const ANYWHERE: Term = { all: [], none: [], domains: [] };

/** The outside end of a rule, cut to the firewall's destinations; `undefined`: nowhere. */
export function termOf(outside: Outside, family: Family, destinations: PrefixSet): Term | undefined {
  const all = sorted(outside.groups);
  const none = sorted(outside.notGroups);
  const domains = outside.domains.length === 0 ? [] : [sorted(outside.domains)];
  const rest = { all, none, domains };
  if (all.some((id) => none.includes(id))) return undefined;
  const reach = destinations.family(family);
  if (outside.nets === undefined) return reach.isEmpty ? undefined : rest;
  const nets = outside.nets.family(family).intersect(reach);
  if (nets.isEmpty) return undefined;
  return nets.covers(reach) ? rest : { nets, ...rest };
}

/** What is in both; `undefined`: nothing. */
export function cutTerm(a: Term, b: Term): Term | undefined {
  if (a === ANYWHERE) return b;
  if (b === ANYWHERE) return a;
  const nets = a.nets === undefined ? b.nets : b.nets === undefined ? a.nets : a.nets.intersect(b.nets);
  const all = sorted([...a.all, ...b.all]);
  const none = sorted([...a.none, ...b.none]);
  if (nets?.isEmpty === true || all.some((id) => none.includes(id))) return undefined;
  return { ...(nets === undefined ? {} : { nets }), all, none, domains: cutDomains([...a.domains, ...b.domains]) };
}

/** Lists that another one implies are left out. */
function cutDomains(lists: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const byText = [...new Map(lists.map((list) => [JSON.stringify(list), list])).entries()]
    .toSorted(([a], [b]) => compareUtf8(a, b))
    .map(([, list]) => list);
  return byText.filter((list) => !byText.some((other) => other !== list && other.every((one) => list.includes(one))));
}

export function disjointTerms(a: Term, b: Term): boolean {
  if (a.nets !== undefined && b.nets !== undefined && !a.nets.overlaps(b.nets)) return true;
  return a.all.some((id) => b.none.includes(id)) || b.all.some((id) => a.none.includes(id));
}

/** Every destination of `b` is one of `a`, whatever groups and domains hold. False: perhaps not. */
export function coversTerm(a: Term, b: Term): boolean {
  if (a.nets !== undefined && (b.nets === undefined || !a.nets.covers(b.nets))) return false;
  return (
    a.all.every((id) => b.all.includes(id)) &&
    a.none.every((id) => b.none.includes(id)) &&
    a.domains.every((list) => b.domains.some((other) => other.every((one) => list.includes(one))))
  );
}

/** The same union in fewer terms: one for all that are prefixes alone, none that another one covers. In a fixed order. */
export function joinTerms(terms: readonly Term[]): readonly Term[] {
  if (terms.length < 2) return terms;
  const plain = terms.filter((term) => isPlain(term));
  const [first, ...more] = plain;
  let all = terms;
  if (first?.nets !== undefined && more.length > 0) {
    let { nets } = first;
    for (const term of more) nets = nets.union(term.nets ?? PrefixSet.empty);
    all = [{ ...first, nets }, ...terms.filter((term) => !isPlain(term))];
  }
  const kept: Term[] = [];
  for (const [at, term] of all.entries()) {
    const spoken = all.some((other, place) => {
      if (place === at || !coversTerm(other, term)) return false;
      return place < at || !coversTerm(term, other);
    });
    if (!spoken) kept.push(term);
  }
  return kept.toSorted((a, b) => compareUtf8(termKey(a), termKey(b)));
}

/** The complement as terms that may overlap; `undefined` where a domain would have to be excluded, which no device can. */
export function outsideTerm(term: Term, family: Family): readonly Term[] | undefined {
  if (term.domains.length > 0) return undefined;
  const parts: Term[] = [];
  const nets = term.nets === undefined ? undefined : PrefixSet.all.family(family).subtract(term.nets);
  if (nets?.isEmpty === false) parts.push({ ...ANYWHERE, nets });
  for (const id of term.all) parts.push({ ...ANYWHERE, none: [id] });
  for (const id of term.none) parts.push({ ...ANYWHERE, all: [id] });
  return parts;
}

/** Prefixes, and nothing else, say it. */
export function isPlain(term: Term): boolean {
  return term.nets !== undefined && term.all.length === 0 && term.none.length === 0 && term.domains.length === 0;
}

const keys = new WeakMap<Term, string>();

/** A text that equal terms share. */
export function termKey(term: Term): string {
  let key = keys.get(term);
  if (key === undefined) {
    key = JSON.stringify([term.nets?.toStrings() ?? null, term.all, term.none, term.domains]);
    keys.set(term, key);
  }
  return key;
}

function sorted(texts: readonly string[]): readonly string[] {
  return texts.length < 2 ? texts : [...new Set(texts)].toSorted(compareUtf8);
}
