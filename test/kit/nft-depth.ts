import type { NftTable } from '../../src/firewalls/nftables/table/model.ts';
import { chainOfVerdict, referencesOf } from '../../src/firewalls/nftables/table/references.ts';

/** Chains below a base chain that the kernel walks; `goto` counts like `jump` (nftables reference, section 2). */
export const MOST_NESTED_CHAINS = 15;

/** Why the kernel would refuse the way chains lead to each other; `undefined` if it would not. */
export function depthProblem(table: NftTable): string | undefined {
  const below = new Map<string, number>();
  const depthBelow = (name: string): number => {
    const known = below.get(name);
    if (known !== undefined) return known;
    below.set(name, Number.POSITIVE_INFINITY);
    let deepest = 0;
    for (const next of nextChains(table, name)) deepest = Math.max(deepest, 1 + depthBelow(next));
    below.set(name, deepest);
    return deepest;
  };
  for (const [name, chain] of table.chains) {
    if (chain.base === undefined) continue;
    const depth = depthBelow(name);
    if (depth === Number.POSITIVE_INFINITY) return `the chains below ${name} lead back to themselves`;
    if (depth > MOST_NESTED_CHAINS) return `chains nest ${depth} deep below ${name}`;
  }
  return undefined;
}

function nextChains(table: NftTable, name: string): ReadonlySet<string> {
  const next = new Set<string>();
  for (const rule of table.chains.get(name)?.rules ?? []) {
    const { chains, sets } = referencesOf(rule);
    for (const chain of chains) next.add(chain);
    // A verdict map that is only asked whether it has a key counts as well: the kernel walks it for every rule that names it.
    for (const set of sets) {
      const map = table.maps.get(set);
      if (map === undefined || !map.type.endsWith(':verdict')) continue;
      for (const [, verdict] of map.elements.entries()) {
        const chain = chainOfVerdict(verdict);
        if (chain !== undefined) next.add(chain);
      }
    }
  }
  return next;
}
