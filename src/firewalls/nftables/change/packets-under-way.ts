import type { Pieces } from '../../../base/pieces.ts';
import type { NftChain, NftSet, NftTable, Rule } from '../table/model.ts';
import { asideName, isClassChain } from '../table/names.ts';
import { referencesOf } from '../table/references.ts';
import { FAMILIES } from '../table/skeleton.ts';
import { sourceDifference } from '../table/sources.ts';
import { chainDifference } from './chain-difference.ts';
import { ClassChanges } from './class-changes.ts';
import { comparingObjects } from './object-difference.ts';
import { isInterval, madeAnew } from './transition.ts';

/*
 * A transaction is all or nothing for whoever reads the table, and not quite for a packet that is being judged meanwhile (docs/design/nftables.md,
 * "Packets under way", Linux 6.18): it keeps the rules of before to its end, but finds what maps and sets hold from now on; and for as long as
 * the commit lasts after that, all packets find sets of intervals as they were before. So a chain or a set of intervals that comes in the
 * transaction that leads to it would be empty for some packets: these would pass unjudged, or be denied, and cut, though they are allowed.
 */

/** The first table with those chains and sets of the second, whole, that it will lead to and are not there; `undefined`: there are none. */
export function prepared(now: NftTable, next: NftTable): NftTable | undefined {
  const { changed } = chainDifference(now.chains, next.chains);
  const chains = new Map(now.chains);
  const sets = new Map(now.sets);
  const maps = new Map(now.maps);
  for (const name of changed) {
    const chain = next.chains.get(name);
    if (chain === undefined) continue;
    const isNew = !now.chains.has(name);
    if (isNew) chains.set(name, chain);
    for (const object of namedBy(chain)) {
      const set = now.sets.has(object) ? undefined : next.sets.get(object);
      if (set !== undefined && (isNew || isInterval(set))) sets.set(object, set);
      const map = now.maps.has(object) ? undefined : next.maps.get(object);
      if (map !== undefined && isNew) maps.set(object, map);
    }
  }
  const isMore = chains.size > now.chains.size || sets.size > now.sets.size;
  return isMore ? { ...now, sets, maps, chains } : undefined;
}

/**
 * The second table with others in the place of those sets that rules name and that have to be made anew; `undefined`: there are none. From there
 * on nothing names the sets themselves, and they can be made in peace.
 */
export function* steppedAside(now: NftTable, next: NftTable): Pieces<NftTable | undefined> {
  const apart = yield* comparingObjects(now, next);
  const made = new Set([...madeAnew(now, apart), ...standingIn(now, next, new ClassChanges(now, next, apart))]);
  if (made.size === 0) return undefined;
  const named = new Set<string>();
  for (const chain of [...now.chains.values(), ...next.chains.values()])
    for (const name of namedBy(chain)) if (made.has(name)) named.add(name);
  if (named.size === 0) return undefined;
  yield;
  const sets = new Map<string, NftSet>();
  for (const [name, set] of next.sets)
    if (named.has(name)) sets.set(asideName(name), { type: set.type, elements: set.elements });
    else sets.set(name, set);
  const chains = new Map<string, NftChain>();
  for (const [name, chain] of next.chains)
    chains.set(
      name,
      namesAny(chain, named) ? { ...chain, rules: chain.rules.map((rule) => aside(rule, named)) } : chain,
    );
  return { ...next, sets, chains };
}

/**
 * Sets of intervals that do not change in their place: a class asks them and has something else changed for it, or is joined by senders of another.
 */
function* standingIn(now: NftTable, next: NftTable, changes: ClassChanges): Generator<string> {
  if (changes.isNone) return;
  const classes = changes.areSeveral ? new Set([...now.chains.keys(), ...next.chains.keys()]) : [];
  for (const name of classes) {
    if (!isClassChain(name)) continue;
    const { sets, chains } = changes.of(`goto ${name}`, name.startsWith('c4') ? 4 : 6);
    if (sets.size + (chains ? 1 : 0) > 1) yield* sets;
  }
  for (const family of FAMILIES) {
    const { added, changed, removed } = sourceDifference(now, next, family);
    if (removed.length > 0) yield* changes.of(undefined, family).sets;
    for (const verdict of new Set([...added.map(([, is]) => is), ...changed.map(([, , is]) => is)]))
      yield* changes.of(verdict, family).sets;
  }
}

function* namedBy(chain: NftChain): Generator<string> {
  for (const rule of chain.rules) yield* referencesOf(rule).sets;
}

function namesAny(chain: NftChain, names: ReadonlySet<string>): boolean {
  return chain.rules.some((rule) => referencesOf(rule).sets.some((name) => names.has(name)));
}

function aside(rule: Rule, names: ReadonlySet<string>): Rule {
  if (rule.kind === 'foreign' || !referencesOf(rule).sets.some((name) => names.has(name))) return rule;
  const matches = rule.matches.map((match) =>
    'set' in match && names.has(match.set) ? { ...match, set: asideName(match.set) } : match,
  );
  return { ...rule, matches };
}
