import type { Ruleset } from '../../border/ruleset.ts';
import { type Owned, holdersIn, withoutAddresses } from '../../firewalls/confirmed/handover.ts';
import type { Owners } from '../../firewalls/guard/interim.ts';
import type { Wish } from '../../firewalls/worker/wishes.ts';
import type { EndpointId } from '../../inventory/model.ts';

/** Pods that are gone, though another one may have their name, by the addresses they had. */
export type Replaced = ReadonlyMap<string, ReadonlySet<EndpointId>>;
const NOBODY: Replaced = new Map();

/** What each worker was told to bring its firewall to last. */
export class LastWishes {
  readonly #wished = new WeakMap<object, Owned>();

  note(worker: object, wished: Owned): void {
    this.#wished.set(worker, wished);
  }

  of(worker: object): Owned | undefined {
    return this.#wished.get(worker);
  }

  /** While something is lost: what was wished last stays, without the addresses of those who are known to be gone all the same. */
  frozen(worker: object, reason: string, now: Owners, replaced: Replaced): Wish {
    const wished = this.#wished.get(worker);
    const less = wished && withoutReleased(wished, now, replaced);
    if (less === undefined || less === wished) return { kind: 'frozen', reason };
    this.#wished.set(worker, less);
    return less.ruleset === wished?.ruleset ? { kind: 'frozen', reason } : { kind: 'frozen', reason, ...less };
  }
}

/**
 * The same without the addresses of which nobody is left who had them: what a lost kind leaves when pods are known to be gone. An address
 * that anybody still has stays as it was, also where it might do more without the other one, and is his alone from then on; whoever else
 * has it now gets nothing by that. Gives `before` itself where nobody is gone.
 */
export function withoutReleased(before: Owned, now: Owners, replaced: Replaced = NOBODY): Owned {
  const { ruleset } = before;
  const left = holdersLeft(before.owners, now, replaced);
  if (left.length === 0) return before;
  const owners = before.owners.with(left);
  const gone = left.flatMap(([address, holders]) =>
    holders === undefined && mentions(ruleset, address) ? [address] : [],
  );
  return { ruleset: gone.length === 0 ? ruleset : withoutAddresses(ruleset, gone), owners };
}

/** Addresses that somebody has given up, with those who had them and have them still. */
function holdersLeft(
  before: Owners,
  now: Owners,
  replaced: Replaced,
): readonly (readonly [address: string, holders: string | undefined])[] {
  const { removed, changed } = before.difference(now);
  const touched = new Set([...removed, ...changed].map(([address]) => address));
  for (const address of replaced.keys()) touched.add(address);
  return [...touched].flatMap((address) => {
    const had = holdersIn(before.get(address) ?? '');
    const present = new Set(holdersIn(now.get(address) ?? ''));
    const others = replaced.get(address);
    const left = had.filter((holder) => present.has(holder) && others?.has(holder) !== true);
    if (left.length === had.length) return [];
    return [[address, left.length === 0 ? undefined : left.join(' ')] as const];
  });
}

function mentions({ members, groups, nats }: Ruleset, address: string): boolean {
  if (members.has(address) || nats.some(({ sources }) => sources.has(address))) return true;
  return [...groups.values()].some((group) => group.kind === 'AddressGroup' && group.members.has(address));
}
