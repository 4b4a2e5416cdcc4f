import type { Family } from '../../../border/ruleset.ts';
import type { NftChain, NftTable } from '../table/model.ts';
import { familyName } from '../table/names.ts';
import { chainOfVerdict, referencesOf } from '../table/references.ts';
import { chainDifference } from './chain-difference.ts';
import type { ObjectDifference } from './object-difference.ts';
import { isInterval } from './transition.ts';

/** What two tables have differently of all that decides for the senders of a class. */
export interface ClassChange {
  /** Sets of intervals that both tables have, with other content. */
  readonly sets: ReadonlySet<string>;
  /** Chains that have other rules, or are gone. */
  readonly chains: boolean;
}

const NOTHING: ClassChange = { sets: new Set(), chains: false };

/** How the classes of two tables differ, whoever is in them; a class goes by the verdict that leads to it. */
export class ClassChanges {
  readonly #tables: readonly NftTable[];
  /** Sets of intervals of both tables that hold something else. */
  readonly #sets: ReadonlySet<string>;
  /** Chains of the first table that are not the same in the second. */
  readonly #chains: ReadonlySet<string>;
  /** By name, what is found from a chain on, in either table. */
  readonly #known: readonly Map<string, ClassChange>[] = [new Map(), new Map()];
  readonly #translation: Readonly<Record<Family, boolean>>;

  /** `apart`: how the two differ. */
  constructor(from: NftTable, to: NftTable, apart: ObjectDifference) {
    this.#tables = [from, to];
    this.#sets = new Set(apart.sets.flatMap(([name, set]) => (isInterval(set) && from.sets.has(name) ? [name] : [])));
    const { changed, gone } = chainDifference(from.chains, to.chains);
    this.#chains = new Set([...[...changed].filter((name) => from.chains.has(name)), ...gone]);
    const translates = (family: Family): boolean =>
      (['hold', 'translate'] as const).some((name) => this.#chains.has(familyName(name, family)));
    this.#translation = { 4: translates(4), 6: translates(6) };
  }

  /** No class differs. */
  get isNone(): boolean {
    return this.#sets.size + this.#chains.size === 0;
  }

  /** A class may differ in more than one thing. */
  get areSeveral(): boolean {
    return this.#sets.size + Math.min(1, this.#chains.size) > 1;
  }

  /** `undefined`: what holds for senders that are in no class. */
  of(verdict: string | undefined, family: Family): ClassChange {
    if (verdict === undefined) {
      const networks = familyName('networks', family);
      const sets = this.#sets.has(networks) ? new Set([networks]) : NOTHING.sets;
      return { sets, chains: this.#translation[family] || this.#chains.has(familyName('governed', family)) };
    }
    const chain = chainOfVerdict(verdict);
    const both = chain === undefined ? NOTHING : merged([0, 1].map((at) => this.#from(chain, at)));
    return this.#translation[family] ? { ...both, chains: true } : both;
  }

  #from(chain: string, at: number): ClassChange {
    const known = this.#known[at];
    const found = known?.get(chain);
    if (found !== undefined) return found;
    // A chain that leads to itself is refused by the kernel.
    known?.set(chain, NOTHING);
    const next = this.#tables[at]?.chains.get(chain);
    const change = merged([
      this.#chains.has(chain) ? { sets: NOTHING.sets, chains: true } : NOTHING,
      ...(next === undefined ? [] : this.#behind(next, at)),
    ]);
    known?.set(chain, change);
    return change;
  }

  *#behind(chain: NftChain, at: number): Generator<ClassChange> {
    for (const rule of chain.rules) {
      const { chains, sets } = referencesOf(rule);
      const asked = sets.filter((set) => this.#sets.has(set));
      if (asked.length > 0) yield { sets: new Set(asked), chains: false };
      for (const name of chains) yield this.#from(name, at);
    }
  }
}

function merged(changes: readonly ClassChange[]): ClassChange {
  const some = changes.filter(({ sets, chains }) => chains || sets.size > 0);
  const [only] = some;
  if (only === undefined) return NOTHING;
  if (some.every((one) => one === only)) return only;
  return { sets: new Set(some.flatMap(({ sets }) => [...sets])), chains: some.some(({ chains }) => chains) };
}
