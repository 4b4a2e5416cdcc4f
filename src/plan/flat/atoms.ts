import type { Family, GroupId, Ruleset } from '../../border/ruleset.ts';
import { FlowSet } from '../../engine/flows/flow-set.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';

/**
 * What stands for a group, for the inside of the cluster and for a domain in sets of flows: either an atom of which nothing is known, so
 * that an answer holds for every content, or what it holds at present.
 */
export interface Atoms {
  group(id: GroupId): FlowSet;
  domains(names: readonly string[]): FlowSet;
  /** What the ruleset judges at all. */
  readonly governed: FlowSet;
}

const GROUP = 'group ';
const DOMAIN = 'domain ';
const INSIDE = 'inside';

/** `outside`: prefixes of which it is known that nothing inside lies in them. */
export function opaqueAtoms(family: Family, destinations: PrefixSet, outside: PrefixSet): Atoms {
  const everything = FlowSet.everything(family);
  const inside = FlowSet.matching(family, { domains: [INSIDE] }).subtract(to(family, outside));
  return {
    group: (id) => FlowSet.matching(family, { domains: [`${GROUP}${id}`] }),
    domains: (names) => domainAtoms(family, names),
    governed: everything.intersect(to(family, destinations)).subtract(inside),
  };
}

/** Domains stay atoms: nobody knows what they hold. */
export function presentAtoms(family: Family, ruleset: Pick<Ruleset, 'destinations' | 'inside' | 'groups'>): Atoms {
  return {
    group: (id) => {
      const group = ruleset.groups.get(id);
      return group?.kind === 'Outside' ? to(family, group.nets) : FlowSet.nothing(family);
    },
    domains: (names) => domainAtoms(family, names),
    governed: to(family, ruleset.destinations.subtract(ruleset.inside)),
  };
}

function to(family: Family, destination: PrefixSet): FlowSet {
  return FlowSet.matching(family, { destination: destination.family(family) });
}

function domainAtoms(family: Family, names: readonly string[]): FlowSet {
  return FlowSet.matching(family, { domains: names.map((name) => `${DOMAIN}${name}`) });
}

/** What a witness says about atoms: those that hold its destination. */
export interface AtomsOfFlow {
  readonly groups: readonly GroupId[];
  readonly domains: readonly string[];
  readonly inside: boolean;
}

export function readAtoms(texts: readonly string[]): AtomsOfFlow {
  const named = (prefix: string): readonly string[] =>
    texts.filter((text) => text.startsWith(prefix)).map((text) => text.slice(prefix.length));
  return { groups: named(GROUP), domains: named(DOMAIN), inside: texts.includes(INSIDE) };
}
