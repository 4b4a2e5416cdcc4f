import { shortHash } from '../../../base/encode.ts';
import type { MemberGroup, RuleBase } from '../../rulebase/model.ts';
import { type Style, tagOf } from '../entries/entries.ts';
import { type TagChange, registrationText, sortedChanges } from '../members/registered.ts';
import { type PanosStep, REGISTER_MS } from './steps.ts';

/**
 * Beside a commit: tags of addresses that were given up go, as members of volatile groups lose nothing but rights, whichever rules run; or those of
 * newcomers come that are the same before and after it.
 */
export function moveStep(
  { joins = [], leaves = [] }: { readonly joins?: readonly TagChange[]; readonly leaves?: readonly TagChange[] },
  state: string,
  active: string,
): PanosStep {
  const [come, go] = [sortedChanges(joins), sortedChanges(leaves)];
  const text = registrationText(come, go);
  const object =
    (change: '+' | '-') =>
    ({ address, tag }: TagChange) => ({ change, kind: 'address', name: address, detail: tag });
  return {
    kind: 'Members',
    title: `addresses ${come.length === 0 ? 'leave' : 'join'} beside a commit`,
    urgent: come.length === 0,
    objects: [...go.map(object('-')), ...come.map(object('+'))],
    does: 'move',
    active,
    joins: come,
    leaves: go,
    text,
    longestMs: REGISTER_MS,
    from: state,
    to: shortHash(`${state} ${text}`),
  };
}

/** Where a newcomer is to be; `undefined`: in a group that no tag makes, or that rules of others name. */
type Tags = ReadonlySet<string> | undefined;

export interface NewcomerPlaces {
  readonly addresses: ReadonlySet<string>;
  /** What is wanted with them, before and after a commit. */
  readonly before: RuleBase;
  readonly after: RuleBase;
  /** What runs, whatever is wanted. */
  readonly observed: RuleBase;
  /** Tags of ours that they have already, or may have. */
  readonly held: readonly TagChange[];
  /** Whether they surely have them. */
  readonly isSure: boolean;
}

/**
 * Tags that newcomers lack and may get while PAN-OS commits: those of an address whose groups are the same before and after, run already, and
 * live by tags. An address with another tag of ours was somebody else's a moment ago: it waits. One that may be there counts as lacking: whoever sends it looks before.
 */
export function newcomerTags(places: NewcomerPlaces, style: Style): readonly TagChange[] {
  const { addresses, before, after, observed, held, isSure } = places;
  const [early, late] = [before, after].map((base) => tagsIn(base, addresses, style));
  const running = new Set([...observed.groups.values()].filter(isByTags).map((group) => tagOf(group, style)));
  const has = new Map<string, Set<string>>();
  for (const { address, tag } of held) has.set(address, (has.get(address) ?? new Set()).add(tag));
  return [...addresses].flatMap((address): readonly TagChange[] => {
    const [tags, then] = [early?.get(address), late?.get(address)];
    if (tags === undefined || then === undefined || !isSame(tags, then) || !isWithin(tags, running)) return [];
    const own = has.get(address) ?? new Set();
    if (!isWithin(own, tags)) return [];
    return [...tags].filter((tag) => !isSure || !own.has(tag)).map((tag) => ({ address, tag }));
  });
}

function tagsIn(base: RuleBase, addresses: ReadonlySet<string>, style: Style): ReadonlyMap<string, Tags> {
  const found = new Map<string, Set<string> | undefined>([...addresses].map((address) => [address, new Set()]));
  for (const group of base.groups.values())
    for (const address of addresses)
      if (group.members.has(address)) {
        if (isByTags(group)) found.get(address)?.add(tagOf(group, style));
        else found.set(address, undefined);
      }
  return found;
}

function isByTags({ store, shared }: MemberGroup): boolean {
  return store === 'Volatile' && !shared;
}

function isWithin(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  return [...some].every((one) => all.has(one));
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && isWithin(a, b);
}
