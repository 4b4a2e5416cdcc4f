import { compareUtf8 } from '../base/compare.ts';
import { type Pieces, each } from '../base/pieces.ts';
import { type InventoryChanges, touched } from '../inventory/change.ts';
import { effectiveLabels } from '../inventory/labels.ts';
import type { NetworkSetInfo, Parent } from '../inventory/model.ts';
import type { Address } from '../ip/address.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { Selector } from '../selector/selector.ts';
import { LabelIndex } from './label-index/label-index.ts';

/** What a selector selects outside the cluster: the nets and domain names of its network sets. */
export interface Outside {
  readonly nets: PrefixSet;
  /** Sorted, without repetition. */
  readonly domains: readonly string[];
}

/** Network sets by selector. Follows the inventory from flush to flush, and tells which selectors' nets or domains came out different. */
export class OutsideSets {
  readonly #parents: ReadonlyMap<string, Parent>;
  readonly #index = new LabelIndex();
  /** Network sets as they stood at the last flush. */
  readonly #sets = new Map<string, NetworkSetInfo>();
  readonly #selectors = new Map<string, Outside>();
  #labels: ReadonlyMap<string, ReadonlyMap<string, string>> | undefined;
  /** Whether the index knows the parents; it need not before the first network set, and most clusters have few or none. */
  #knowsParents = false;

  /** `parents`: as they stand after the changes, when `take` is called. */
  constructor(parents: ReadonlyMap<string, Parent>) {
    this.#parents = parents;
  }

  /** By id. */
  get sets(): ReadonlyMap<string, NetworkSetInfo> {
    return this.#sets;
  }

  of(selector: Selector): Outside {
    let outside = this.#selectors.get(selector.id);
    if (outside === undefined) {
      this.#index.setSelector(selector.id, selector.canonical);
      outside = this.#compute(selector.id);
      this.#selectors.set(selector.id, outside);
    }
    return outside;
  }

  forget(selectorId: string): void {
    if (this.#selectors.delete(selectorId)) this.#index.deleteSelector(selectorId);
  }

  /** Labels of every network set with a net that holds the address, in the order of their ids. */
  labelsOfSetsWith(address: Address): readonly ReadonlyMap<string, string>[] {
    this.#labels ??= new Map(
      [...this.#sets.values()]
        .sort((a, b) => compareUtf8(a.id, b.id))
        .map((set) => [set.id, effectiveLabels(set, this.#parents)]),
    );
    const found: ReadonlyMap<string, string>[] = [];
    for (const [id, labels] of this.#labels)
      if (this.#sets.get(id)?.nets.contains(address) === true) found.push(labels);
    return found;
  }

  /** Takes what changed; ids of the selectors whose nets or domains differ now, sorted. */
  *take(changes: InventoryChanges, sets: ReadonlyMap<string, NetworkSetInfo>): Pieces<readonly string[]> {
    const parents = touched(changes.parents);
    const moving = this.#moving(parents, touched(changes.networkSets));
    const doubtful = new Set<string>();
    const doubt = (id: string): void => {
      if (this.#sets.has(id)) for (const selectorId of this.#index.matching(id)) doubtful.add(selectorId);
    };
    yield* each(moving, doubt);
    if (this.#knowsParents) yield* each(parents, (id) => this.#setParent(id, this.#parents.get(id)));
    else if (sets.size > 0) {
      this.#knowsParents = true;
      yield* each(this.#parents, ([id, parent]) => this.#setParent(id, parent));
    }
    yield* each(touched(changes.networkSets), (id) => this.#setNetworkSet(id, sets.get(id)));
    yield* each(moving, doubt);
    if (moving.size > 0) this.#labels = undefined;
    const different: string[] = [];
    for (const selectorId of doubtful) {
      if (this.#recompute(selectorId)) different.push(selectorId);
      yield;
    }
    return different.sort(compareUtf8);
  }

  /** Network sets whose labels or content may differ. */
  #moving(parents: readonly string[], sets: readonly string[]): ReadonlySet<string> {
    const moving = new Set(sets);
    const inherited = new Set(parents);
    if (inherited.size > 0)
      for (const set of this.#sets.values()) if (set.parents.some((id) => inherited.has(id))) moving.add(set.id);
    return moving;
  }

  #setParent(id: string, parent: Parent | undefined): void {
    if (parent === undefined) this.#index.deleteParent(id);
    else this.#index.setParent(id, parent.labels);
  }

  #setNetworkSet(id: string, set: NetworkSetInfo | undefined): void {
    if (set === undefined) {
      this.#sets.delete(id);
      this.#index.deleteEndpoint(id);
      return;
    }
    this.#sets.set(id, set);
    this.#index.setEndpoint(id, { labels: set.labels, parents: set.parents, nets: [], ports: [] });
  }

  #recompute(selectorId: string): boolean {
    const old = this.#selectors.get(selectorId);
    if (old === undefined) return false;
    const now = this.#compute(selectorId);
    this.#selectors.set(selectorId, now);
    return !old.nets.equals(now.nets) || old.domains.join('\n') !== now.domains.join('\n');
  }

  #compute(selectorId: string): Outside {
    const sets = [...this.#index.endpointsOf(selectorId)].flatMap((id) => this.#sets.get(id) ?? []);
    return {
      nets: PrefixSet.of(sets.flatMap(({ nets }) => nets.prefixes())),
      domains: [...new Set(sets.flatMap(({ domains }) => domains))].sort(compareUtf8),
    };
  }
}
