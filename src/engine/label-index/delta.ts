import { compareUtf8 } from '../../base/compare.ts';
import { type Pieces, atOnce, each } from '../../base/pieces.ts';

/** One member of one set: `10.0.0.1/32`, `10.0.0.0/8`, or of a named-port set `10.0.0.1,tcp:80`. */
export interface SetMember {
  readonly set: string;
  readonly member: string;
}

/** What one call changed, net: nothing is both added and removed. */
export interface Delta {
  /** Members that came to a set. In no promised order. */
  readonly added: readonly SetMember[];
  /** Members that left a set; those of a deleted set are not listed. In no promised order. */
  readonly removed: readonly SetMember[];
  /** Endpoints whose set of matching selectors changed, sorted. */
  readonly changed: readonly string[];
}

/** What many changes came to. */
export interface BatchDelta extends Delta {
  /** `changed` in no promised order: sorting is much of the work. */
  readonly touched: ReadonlySet<string>;
}

/** Collects what one call changes. */
export class Changes {
  #added: SetMember[] = [];
  #removed: SetMember[] = [];
  readonly #touched = new Set<string>();
  /** Some member may have been both added and removed on the way. */
  contested = false;
  /** Nobody asks what changes. */
  readonly untold: boolean;

  constructor(telling: 'told' | 'untold' = 'told') {
    this.untold = telling === 'untold';
  }

  /** A member that enters a set, or leaves it. */
  record(set: string, member: string, entering: boolean): void {
    (entering ? this.#added : this.#removed).push({ set, member });
  }

  /** The endpoint's matching selectors changed. */
  touch(endpoint: string): void {
    if (!this.untold) this.#touched.add(endpoint);
  }

  /** The one selector that this call is about came to the endpoint; if the call had taken it away before, nothing changed there. */
  toggle(endpoint: string): void {
    if (!this.#touched.delete(endpoint)) this.#touched.add(endpoint);
  }

  /** Forgets the members of sets that are gone, and works out the net difference of the others. */
  *settle(exists: (set: string) => boolean): Pieces {
    for (const list of [this.#added, this.#removed]) {
      let kept = 0;
      yield* each(list, (entry) => {
        if (exists(entry.set)) list[kept++] = entry;
      });
      list.length = kept;
    }
    yield* this.#cancel();
  }

  /** Members as they come out of a set that shows only some of them. Called at most once, before `delta`. */
  filter(show: (set: string, added: readonly string[], removed: readonly string[]) => Shown): void {
    atOnce(this.#cancel());
    const bySet = new Map<string, { readonly added: string[]; readonly removed: string[] }>();
    const of = (set: string): { readonly added: string[]; readonly removed: string[] } => {
      let entry = bySet.get(set);
      if (entry === undefined) bySet.set(set, (entry = { added: [], removed: [] }));
      return entry;
    };
    for (const { set, member } of this.#added) of(set).added.push(member);
    for (const { set, member } of this.#removed) of(set).removed.push(member);
    this.#added = [];
    this.#removed = [];
    for (const [set, entry] of bySet) {
      const shown = show(set, entry.added, entry.removed);
      for (const member of shown.added) this.record(set, member, true);
      for (const member of shown.removed) this.record(set, member, false);
    }
  }

  delta(): BatchDelta {
    atOnce(this.#cancel());
    return new SortedLater(this.#added, this.#removed, this.#touched);
  }

  /** Takes out each pair of an addition and a removal. One member alternates between the two, so at most one of them is left. */
  *#cancel(): Pieces {
    if (!this.contested || this.#added.length === 0 || this.#removed.length === 0) return;
    const balance = new Map<string, Map<string, number>>();
    const weigh = ({ set, member }: SetMember, weight: number): void => {
      let members = balance.get(set);
      if (members === undefined) balance.set(set, (members = new Map()));
      members.set(member, (members.get(member) ?? 0) + weight);
    };
    yield* each(this.#added, (entry) => weigh(entry, 1));
    yield* each(this.#removed, (entry) => weigh(entry, -1));
    this.#added = [];
    this.#removed = [];
    for (const [set, members] of balance) {
      yield* each(members, ([member, weight]) => {
        if (weight !== 0) this.record(set, member, weight > 0);
      });
      yield;
    }
    this.contested = false;
  }
}

/** What a filtered set shows of its changes. */
export interface Shown {
  readonly added: Iterable<string>;
  readonly removed: Iterable<string>;
}

/** Sorts the endpoints when they are asked for: a new broad selector changes a million, and not every caller looks. */
class SortedLater implements BatchDelta {
  readonly added: readonly SetMember[];
  readonly removed: readonly SetMember[];
  readonly touched: ReadonlySet<string>;
  #changed: readonly string[] | undefined;

  constructor(added: readonly SetMember[], removed: readonly SetMember[], touched: ReadonlySet<string>) {
    this.added = added;
    this.removed = removed;
    this.touched = touched;
  }

  get changed(): readonly string[] {
    return (this.#changed ??= [...this.touched].sort(compareUtf8));
  }
}
