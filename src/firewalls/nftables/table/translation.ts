import type { Family, Group, GroupId, Nat, NatTarget } from '../../../border/ruleset.ts';
import { conditionMatches } from './matches.ts';
import { emptyMap, emptySet, type Match, type NftMap, type NftSet, type Rule } from './model.ts';
import { familyName, madeName } from './names.ts';
import { address, type Chains, plainRule } from './rules.ts';
import type { SharedSets } from './shared-sets.ts';

const TRUE: true = true;

/** The three objects that say what one SourceNAT does with a source: its new address, exempt, or held back. */
export interface NatNames {
  readonly map: string;
  readonly exempt: string;
  readonly held: string;
}

export function natNames(nat: Nat): NatNames {
  const named = (prefix: string): string => madeName(`${prefix}${nat.family}`, nat.origin.policy, nat.id);
  return { map: named('a'), exempt: named('x'), held: named('h') };
}

/**
 * The chains `hold` and `translate` of a family. Both ask the SourceNATs in the same order and the first that has the sender and the flow
 * wins. `hold` stands before the policies and drops what should be translated and cannot be, packets that NAT would skip (states invalid
 * and untracked) among them; `translate` does it once the policies have let pass.
 */
export function defineTranslation(
  chains: Chains,
  shared: SharedSets,
  groups: ReadonlyMap<GroupId, Group>,
  family: Family,
  nats: readonly Nat[],
): void {
  const own = nats
    .filter((nat) => nat.family === family)
    .map((nat) => ({ nat, alternatives: natMatches(nat, groups, shared) }));
  chains.define(familyName('hold', family), () =>
    own.flatMap(({ nat, alternatives }) => alternatives.flatMap((matches) => holdRules(chains, nat, matches))),
  );
  chains.define(familyName('translate', family), () =>
    own.flatMap(({ nat, alternatives }) => alternatives.flatMap((matches) => translateRules(chains, nat, matches))),
  );
}

function natMatches(nat: Nat, groups: ReadonlyMap<GroupId, Group>, shared: SharedSets): readonly (readonly Match[])[] {
  const { protocol, ports } = nat;
  const condition = {
    nets: nat.destination,
    groups: [],
    notGroups: [],
    ...(protocol === undefined ? {} : { protocol }),
    ...(ports === undefined ? {} : { ports }),
  };
  return conditionMatches(condition, nat.family, groups, shared);
}

function holdRules(chains: Chains, nat: Nat, matches: readonly Match[]): readonly Rule[] {
  const { map, exempt, held } = natNames(nat);
  const from = (set: string): Match => address('saddr', nat.family, set);
  const deny = chains.deny(nat.origin);
  return [
    plainRule({ do: 'return' }, ...matches, from(exempt)),
    chains.rule(nat.origin, deny, [...matches, from(held)]),
    chains.rule(nat.origin, deny, [{ on: 'state', states: ['invalid', 'untracked'] }, ...matches, from(map)]),
    plainRule({ do: 'return' }, ...matches, from(map)),
  ];
}

function translateRules(chains: Chains, nat: Nat, matches: readonly Match[]): readonly Rule[] {
  const { map, exempt, held } = natNames(nat);
  const from = (set: string): Match => address('saddr', nat.family, set);
  return [
    chains.rule(nat.origin, { do: 'accept' }, [...matches, from(exempt)]),
    // `hold` dropped these already, unless the sender became held between the two chains.
    chains.rule(nat.origin, { do: 'drop' }, [...matches, from(held)]),
    // Asked twice, so that the counter tells what was translated and not what was looked at.
    chains.rule(nat.origin, { do: 'translate', family: nat.family, map }, [...matches, from(map)]),
  ];
}

/** The sets and the map of one SourceNAT without elements. */
export function natObjects(nat: Nat): {
  readonly sets: readonly (readonly [string, NftSet])[];
  readonly map: readonly [string, NftMap];
} {
  const { map, exempt, held } = natNames(nat);
  const set = emptySet(nat.family === 4 ? 'address4' : 'address6');
  return {
    sets: [
      [exempt, set],
      [held, set],
    ],
    map: [map, emptyMap(nat.family === 4 ? 'address4:address4' : 'address6:address6')],
  };
}

/** What one SourceNAT does with one source, as elements. An address of the other family cannot be translated to: held. */
export function natElement(
  family: Family,
  target: NatTarget,
  owned: boolean,
): { readonly exempt?: true; readonly held?: true; readonly address?: string } {
  if (target.kind === 'Exempt') return { exempt: TRUE };
  if (target.kind === 'Hold' || !owned || target.address.includes(':') !== (family === 6)) return { held: TRUE };
  return { address: target.address };
}
