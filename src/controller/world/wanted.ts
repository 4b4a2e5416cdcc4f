import { resourceKey } from '../../api/resource.ts';
import type { BucketMap } from '../../base/bucket-map.ts';
import { type Pieces, atOnce } from '../../base/pieces.ts';
import type { FirewallView } from '../../border/firewall-view.ts';
import type { Owned } from '../../firewalls/confirmed/handover.ts';
import type { Owners } from '../../firewalls/guard/interim.ts';
import { OwnerVersions } from '../../firewalls/confirmed/owner-versions.ts';
import type { Wish } from '../../firewalls/worker/wishes.ts';
import type { ResourceChange } from '../../sources/source.ts';
import { GivenUp } from './given-up.ts';
import type { LiveWorld } from './live-world.ts';
import { narrowing, without } from './narrowed.ts';
import { LastWishes } from './without-released.ts';

/** A firewall's version without the first so many addresses that were given up. */
interface Narrowed {
  readonly from: Owned;
  readonly to: Owned;
  readonly addresses: number;
}

/** Owners without those of the addresses given up from one number to another. */
interface Left {
  readonly owners: Owners;
  readonly addresses: readonly string[];
  readonly from: number;
  readonly to: number;
}

/** What each firewall is to hold: the last whole version, without the addresses that were given up since then (decision 12). */
export class Wanted {
  readonly #world: LiveWorld;
  readonly #givenUp: GivenUp;
  readonly #lastWishes = new LastWishes();
  readonly #narrowed = new Map<string, Narrowed>();
  /** Owners without all of some addresses that were given up, by the owners with them: of nearly all firewalls they are the same. */
  readonly #left = new WeakMap<Owners, Left>();
  readonly #ownerVersions: OwnerVersions;
  /** Workers whose firewall is frozen, and which have less than what stays. */
  readonly #less = new WeakSet<object>();

  /** `ownerVersions` learn of every version of the owners that most firewalls are wished. */
  constructor(world: LiveWorld, ownerVersions = new OwnerVersions()) {
    this.#world = world;
    this.#ownerVersions = ownerVersions;
    this.#givenUp = new GivenUp(world);
  }

  /** By name of the BorderFirewall; with the addresses that were given up. */
  get firewalls(): ReadonlyMap<string, FirewallView> {
    return this.#world.firewalls;
  }

  /** Who has each address (canonical text), without those that were given up. */
  get owners(): BucketMap<string> {
    return this.#givenUp.owners;
  }

  /** Notes what is given up in changes that are not computed yet. True: other wishes follow from it. */
  *release(changes: readonly ResourceChange[], part: 'under way' | 'waiting'): Pieces<boolean> {
    if (!(yield* this.#givenUp.note(changes, part))) return false;
    yield* this.#narrow();
    return true;
  }

  /** Everything that waits begins to be computed. */
  begin(): void {
    this.#givenUp.begin();
  }

  /** There is another whole version. True: wishes differ from that of before though the version may not. */
  *settle(): Pieces<boolean> {
    const differs = yield* this.#givenUp.settle();
    this.#ownerVersions.add(this.#world.owners);
    this.#narrowed.clear();
    yield* this.#narrow();
    return differs;
  }

  wishFor(view: FirewallView, worker: object, version: number): Wish {
    const { state, owners } = this.#world;
    if (state.kind === 'loading') return { kind: 'unknown', reason: state.reason };
    if (state.kind === 'frozen' && this.#world.isFrozen(view.firewall.name))
      return this.#frozen(view.firewall.name, worker, state.reason);
    if (this.#world.isBroken(resourceKey(view.firewall)))
      return { kind: 'unknown', reason: 'the BorderFirewall cannot be read; its device keeps what it holds' };
    if (view.ruleset === undefined) {
      const error = view.findings.find((finding) => finding.severity === 'error');
      return { kind: 'unknown', reason: error?.message ?? 'the BorderFirewall has mistakes' };
    }
    const wished = atOnce(this.#narrowedOf(view.firewall.name, { ruleset: view.ruleset, owners }));
    this.#lastWishes.note(worker, wished);
    return { kind: 'ruleset', ...wished, version };
  }

  #frozen(name: string, worker: object, reason: string): Wish {
    const wish = this.#lastWishes.frozen(worker, reason, this.#world.owners, this.#world.replaced);
    const stays = this.#lastWishes.of(worker);
    if (stays === undefined) return wish;
    const less = atOnce(this.#narrowedOf(name, stays));
    const had = this.#less.delete(worker);
    if (less !== stays) this.#less.add(worker);
    return less !== stays || had ? { kind: 'frozen', reason, ...less } : wish;
  }

  *#narrow(): Pieces {
    if (this.#givenUp.addresses.length === 0) return;
    const { firewalls, owners } = this.#world;
    for (const [name, { ruleset }] of firewalls)
      if (ruleset !== undefined) yield* this.#narrowedOf(name, { ruleset, owners });
  }

  *#narrowedOf(name: string, from: Owned): Pieces<Owned> {
    const { addresses } = this.#givenUp;
    if (addresses.length === 0) return from;
    const known = this.#narrowed.get(name);
    const isSame = known !== undefined && known.from.ruleset === from.ruleset && known.from.owners === from.owners;
    const [before, done] = isSame ? [known.to, known.addresses] : [from, 0];
    const count = addresses.length;
    if (done === count) return before;
    const to = yield* narrowing(before, addresses.slice(done), (owners) =>
      this.#ownersLeft(owners, addresses, done, count),
    );
    this.#narrowed.set(name, { from, to, addresses: count });
    return to;
  }

  *#ownersLeft(owners: Owners, addresses: readonly string[], from: number, to: number): Pieces<Owners> {
    const known = this.#left.get(owners);
    if (known?.addresses === addresses && known.from === from && known.to === to) return known.owners;
    const left = yield* without(owners, addresses.slice(from, to));
    this.#left.set(owners, { owners: left, addresses, from, to });
    this.#ownerVersions.add(left, owners);
    return left;
  }
}
