import type { BucketMap } from '../../base/bucket-map.ts';
import { type Pieces, each } from '../../base/pieces.ts';
import type { EndpointId } from '../../inventory/model.ts';
import { endpointIdOfKey, shownAddresses } from '../../inventory/pods.ts';
import { podEndpointId } from '../../inventory/endpoint-of-pod.ts';
import { formatAddress } from '../../ip/address.ts';
import type { ResourceChange } from '../../sources/source.ts';
import type { LiveWorld } from './live-world.ts';

/** By pod: what it has shown all the time in the changes that were noted. */
type Kept = Map<EndpointId, readonly string[]>;

const NONE: readonly string[] = [];
const POD = 'Pod/';

/**
 * Addresses that pods gave up in deliveries that are not computed yet: the pod was deleted, has finished, or does not show the address any
 * more. Held against the last whole version: there the address has to be this pod's and nobody else's, since what is left of a shared one
 * is more than it was as often as less. A pod that comes back, or shows an address again, has given it up all the same until that is computed.
 */
export class GivenUp {
  readonly #world: Pick<LiveWorld, 'owners' | 'addressesOf'>;
  /** What the computation under way knows of. */
  #underWay: Kept = new Map();
  /** What it does not know of. */
  #waiting: Kept = new Map();
  #addresses: string[] = [];
  #known = new Set<string>();
  #owners: BucketMap<string> | undefined;
  /** What was given up before is compared with another version: `addresses` are not all there. */
  #isSettling = false;

  constructor(world: Pick<LiveWorld, 'owners' | 'addressesOf'>) {
    this.#world = world;
  }

  /** Canonical; only added to, until `settle`. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Who has each address of the last whole version (canonical text), without those that were given up. */
  get owners(): BucketMap<string> {
    return this.#owners ?? this.#world.owners;
  }

  /**
   * Notes changes that are under way to the next version, or wait behind them. True: addresses were given up that had not been. Between two pieces
   * of `settle` never: whoever settles tells of them with all others, as what follows from a part of them alone would give the rest back.
   */
  *note(changes: readonly ResourceChange[], part: 'under way' | 'waiting'): Pieces<boolean> {
    const count = this.#addresses.length;
    const kept = part === 'waiting' ? this.#waiting : this.#underWay;
    yield* each(changes, (change) => {
      if (change.kind === 'delete') {
        if (change.key.startsWith(POD)) this.#note(endpointIdOfKey(change.key), NONE, kept);
      } else if (change.resource.type === 'Pod') {
        const { namespace, name } = change.resource;
        this.#note(podEndpointId(namespace, name), shownAddresses(change.resource).map(formatAddress), kept);
      }
    });
    if (this.#isSettling || this.#addresses.length === count) return false;
    const more = this.#addresses.slice(count);
    this.#owners = yield* this.owners.making(more.map((address) => [address, undefined] as const));
    return true;
  }

  /** All that waits is under way now. */
  begin(): void {
    this.#underWay = this.#waiting;
    this.#waiting = new Map();
  }

  /** What was under way is in the last whole version. True: what was given up is, or was until now, something. */
  *settle(): Pieces<boolean> {
    const had = this.#addresses.length > 0;
    this.#isSettling = true;
    this.#underWay = new Map();
    this.#addresses = [];
    this.#known = new Set();
    yield* each(this.#waiting, ([id, shown]) => this.#compare(id, shown));
    let owners = this.#world.owners;
    for (let done = 0; done < this.#addresses.length; ) {
      const more = this.#addresses.slice(done);
      owners = yield* owners.making(more.map((address) => [address, undefined] as const));
      done += more.length;
    }
    const isSame = this.#addresses.length === 0;
    this.#owners = isSame ? undefined : owners;
    this.#isSettling = false;
    return had || !isSame;
  }

  #note(id: EndpointId, shown: readonly string[], kept: Kept): void {
    const before = kept.get(id);
    // Nearly all: nothing was given up, and nothing is there that could be.
    if (before === undefined && !this.#underWay.has(id) && sameSet(this.#world.addressesOf(id), shown)) return;
    kept.set(id, before?.filter((address) => shown.includes(address)) ?? shown);
    this.#compare(id, shown);
  }

  #compare(id: EndpointId, shown: readonly string[]): void {
    for (const address of this.#world.addressesOf(id)) {
      if (shown.includes(address) || this.#known.has(address) || this.#world.owners.get(address) !== id) continue;
      this.#known.add(address);
      this.#addresses.push(address);
    }
  }
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}
