import type { Group, Ruleset } from '../border/ruleset.ts';
import type { Owners } from '../firewalls/interim.ts';
import type { Wish } from '../firewalls/wishes.ts';

/** A ruleset, and who had its addresses then. */
export interface Owned {
  readonly ruleset: Ruleset;
  readonly owners: Owners;
}

/** What each worker was told to bring its firewall to last. */
export class LastWishes {
  readonly #wished = new WeakMap<object, Owned>();

  note(worker: object, wished: Owned): void {
    this.#wished.set(worker, wished);
  }

  /** While a source is lost: what was wished last stays, without the addresses of those who are known to be gone all the same. */
  frozen(worker: object, reason: string, now: Owners): Wish {
    const wished = this.#wished.get(worker);
    const less = wished && withoutReleased(wished, now);
    if (less === undefined || less === wished) return { kind: 'frozen', reason };
    this.#wished.set(worker, less);
    return { kind: 'frozen', reason, ...less };
  }
}

/**
 * The same without the addresses that have no owner any more: what a lost source leaves when another one proves somebody gone. An address
 * that anybody still has stays as it was, also where it might do more without the other one. Gives `before` itself where nobody is gone.
 */
export function withoutReleased(before: Owned, now: Owners): Owned {
  const { ruleset, owners } = before;
  const gone = owners
    .difference(now)
    .removed.flatMap(([address]) => (mentions(ruleset, address) ? [[address, undefined] as const] : []));
  if (gone.length === 0) return before;
  const without = (group: Group): Group =>
    group.kind === 'AddressGroup' ? { ...group, members: group.members.with(gone) } : group;
  return {
    ruleset: {
      ...ruleset,
      members: ruleset.members.with(gone),
      groups: new Map([...ruleset.groups].map(([id, group]) => [id, without(group)])),
      nats: ruleset.nats.map((nat) => ({ ...nat, sources: nat.sources.with(gone) })),
    },
    owners: owners.with(gone),
  };
}

function mentions({ members, groups, nats }: Ruleset, address: string): boolean {
  if (members.has(address) || nats.some(({ sources }) => sources.has(address))) return true;
  return [...groups.values()].some((group) => group.kind === 'AddressGroup' && group.members.has(address));
}
