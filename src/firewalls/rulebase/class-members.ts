import { BucketMap } from '../../base/bucket-map.ts';
import type { ClassId } from '../../border/ruleset.ts';

const NOBODY: ReadonlySet<string> = new Set();

/** The addresses of each class. Versions of a ruleset share what did not change, and so does the work; a set that was handed out stays. */
export class ClassMembers {
  #members: BucketMap<ClassId> = BucketMap.empty();
  #sets = new Map<ClassId, ReadonlySet<string>>();
  #unions = new Map<string, { readonly of: readonly ReadonlySet<string>[]; readonly set: ReadonlySet<string> }>();

  take(members: BucketMap<ClassId>): void {
    if (members === this.#members) return;
    const { added, removed, changed } = this.#members.difference(members);
    const fresh = new Map<ClassId, Set<string>>();
    const writable = (id: ClassId): Set<string> => {
      let set = fresh.get(id);
      if (set === undefined) {
        set = new Set(this.#sets.get(id));
        fresh.set(id, set);
      }
      return set;
    };
    for (const [address, id] of removed) writable(id).delete(address);
    for (const [address, before, after] of changed) {
      writable(before).delete(address);
      writable(after).add(address);
    }
    for (const [address, id] of added) writable(id).add(address);
    for (const [id, set] of fresh) {
      if (set.size === 0) this.#sets.delete(id);
      else this.#sets.set(id, set);
    }
    this.#members = members;
  }

  /** Of all these classes together; the same set while nobody joins or leaves. */
  of(ids: readonly ClassId[]): ReadonlySet<string> {
    const sets = ids.flatMap((id) => this.#sets.get(id) ?? []);
    const [first] = sets;
    if (first === undefined) return NOBODY;
    if (sets.length === 1) return first;
    const key = ids.join(' ');
    const known = this.#unions.get(key);
    if (known !== undefined && known.of.length === sets.length && known.of.every((set, at) => set === sets[at]))
      return known.set;
    const set = new Set(sets.flatMap((each) => [...each]));
    if (this.#unions.size > 10_000) this.#unions.clear();
    this.#unions.set(key, { of: sets, set });
    return set;
  }
}
