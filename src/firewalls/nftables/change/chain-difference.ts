import type { NftChain } from '../table/model.ts';
import { renderBase, renderRule } from '../table/render.ts';

type Chains = ReadonlyMap<string, NftChain>;

/** How the chains of two tables differ; counters aside. */
export interface ChainDifference {
  /** In the second and not the same in the first, or not there. Sorted. */
  readonly changed: ReadonlySet<string>;
  /** In the first only. Sorted. */
  readonly gone: ReadonlySet<string>;
}

const NONE: ChainDifference = { changed: new Set(), gone: new Set() };
const known = new WeakMap<Chains, { readonly to: Chains; readonly difference: ChainDifference }>();

/** Remembers the last comparison of each table that is still in use: most changes of a border touch no chain. */
export function chainDifference(from: Chains, to: Chains): ChainDifference {
  if (from === to) return NONE;
  const last = known.get(from);
  if (last?.to === to) return last.difference;
  const changed: string[] = [];
  const gone: string[] = [];
  for (const [name, chain] of to) {
    const now = from.get(name);
    if (now === undefined || !sameChain(now, chain)) changed.push(name);
  }
  for (const name of from.keys()) if (!to.has(name)) gone.push(name);
  const difference = { changed: new Set(changed.sort()), gone: new Set(gone.sort()) };
  known.set(from, { to, difference });
  return difference;
}

/** Whether two chains have the same hook and the same rules in the same order. */
export function sameChain(a: NftChain, b: NftChain): boolean {
  if (a === b) return true;
  if ((a.base && renderBase(a.base)) !== (b.base && renderBase(b.base))) return false;
  if (a.rules === b.rules) return true;
  if (a.rules.length !== b.rules.length) return false;
  return a.rules.every((rule, index) => {
    const other = b.rules[index];
    return other !== undefined && (rule === other || renderRule(rule) === renderRule(other));
  });
}
