import type { BorderFirewall } from '../../api/resource.ts';
import type { BucketDifference } from '../../base/bucket-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { FirewallView } from '../../border/firewall-view.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { holdersIn } from '../../firewalls/confirmed/handover.ts';
import type { Confirmed } from '../../firewalls/worker/course.ts';
import type { Worker } from '../../firewalls/worker/worker.ts';
import type { Metrics } from '../metrics.ts';

/** Released addresses of one firewall that are followed at one time. */
const MOST_OPEN = 100_000;

/** An address that somebody gave up and that a firewall may still hold for him. */
interface Open {
  readonly since: number;
  /** Who had it. */
  readonly holder: string;
  /** Who has got it meanwhile and was counted. */
  readonly heirs: Set<string>;
}

/** What follows one firewall. */
interface Followed {
  readonly open: Map<string, Open[]>;
  /** Read back last. */
  basis: Confirmed | undefined;
  /** How many are open, as it was counted last. */
  counted: number | undefined;
}

/** How a firewall stands when the owners of addresses change. */
export interface Follower {
  /** What it was wanted to hold until now. */
  readonly wanted: Ruleset | undefined;
  readonly confirmed: Confirmed | undefined;
}

/** How the firewalls that are written to stand now, by name. */
export function followersOf(
  stations: ReadonlyMap<string, { readonly firewall: BorderFirewall; readonly worker: Pick<Worker, 'confirmed'> }>,
  views: ReadonlyMap<string, FirewallView>,
): ReadonlyMap<string, Follower> {
  const written = [...stations].filter(([, { firewall }]) => firewall.mode !== 'Observe');
  return new Map(
    written.map(([name, { worker }]) => [name, { wanted: views.get(name)?.ruleset, confirmed: worker.confirmed() }]),
  );
}

/**
 * Follows every address that loses an owner, from the delivery that says so until the firewall was read back without it (design section 2,
 * lifetime). Within that time a packet of its next owner would have the rights of the last. What happened before this process began is not
 * known to it.
 */
export class Releases {
  readonly #clock: Clock;
  readonly #metrics: Pick<Metrics, 'releaseSeconds' | 'releasesOpen' | 'reuses'>;
  /** An address that was given up is gone from the firewall, or is there for its new owner: so long after it was given up. */
  readonly #released: (firewall: string, ms: number) => void;
  readonly #firewalls = new Map<string, Followed>();

  constructor(
    clock: Clock,
    metrics: Pick<Metrics, 'releaseSeconds' | 'releasesOpen' | 'reuses'>,
    released: (firewall: string, ms: number) => void,
  ) {
    this.#clock = clock;
    this.#metrics = metrics;
    this.#released = released;
  }

  /** Addresses change hands. `since`: when this was delivered (monotonic). */
  changed(
    { added, removed, changed }: BucketDifference<string>,
    firewalls: ReadonlyMap<string, Follower>,
    since: number,
  ): void {
    for (const [name, follower] of firewalls) {
      const followed = this.#followed(name);
      for (const [address, old] of removed) this.#moved(followed, follower, name, { address, old, next: '', since });
      for (const [address, old, next] of changed) this.#moved(followed, follower, name, { address, old, next, since });
      for (const [address, next] of added)
        if (followed.open.has(address)) this.#moved(followed, follower, name, { address, old: '', next, since });
      this.#count(name, followed);
    }
  }

  /** Most changes concern other firewalls. */
  #count(firewall: string, followed: Followed): void {
    const { size } = followed.open;
    if (followed.counted === size) return;
    followed.counted = size;
    this.#metrics.releasesOpen.set({ firewall }, size);
  }

  /** A firewall was read. */
  looked(firewall: string, basis: Confirmed | undefined): void {
    const followed = this.#firewalls.get(firewall);
    if (followed === undefined || basis === undefined || followed.basis === basis) return;
    followed.basis = basis;
    const now = this.#clock.monotonic();
    for (const [address, open] of followed.open) {
      const left = open.filter(({ holder }) => holds(basis, address, holder));
      for (const one of open) {
        if (left.includes(one)) continue;
        this.#metrics.releaseSeconds.observe({ firewall }, (now - one.since) / 1_000);
        this.#released(firewall, now - one.since);
      }
      if (left.length === 0) followed.open.delete(address);
      else if (left.length < open.length) followed.open.set(address, left);
    }
    this.#count(firewall, followed);
  }

  /** A firewall is somebody else's now, or gone. */
  forget(firewall: string): void {
    this.#firewalls.delete(firewall);
  }

  #moved(
    { open }: Followed,
    { wanted, confirmed }: Follower,
    firewall: string,
    { address, old, next, since }: { address: string; old: string; next: string; since: number },
  ): void {
    const had = holdersIn(old);
    const has = holdersIn(next);
    // Who has it again has not given it up.
    const known = (open.get(address) ?? []).filter(({ holder }) => !has.includes(holder));
    const mayHold = (holder: string): boolean =>
      wanted?.members.has(address) === true || (confirmed !== undefined && holds(confirmed, address, holder));
    const gone = had.filter((holder) => !has.includes(holder) && known.every((one) => one.holder !== holder));
    for (const holder of gone)
      if (mayHold(holder) && open.size < MOST_OPEN) known.push({ since, holder, heirs: new Set() });
    if (known.length === 0) open.delete(address);
    else open.set(address, known);
    // An address that somebody keeps has several owners: a node's, with pods in its network.
    const heirs = had.some((holder) => has.includes(holder)) ? [] : has;
    for (const heir of heirs)
      if (known.some((one) => !one.heirs.has(heir))) {
        for (const one of known) one.heirs.add(heir);
        this.#metrics.reuses.inc({ firewall });
      }
  }

  #followed(firewall: string): Followed {
    let followed = this.#firewalls.get(firewall);
    if (followed === undefined)
      this.#firewalls.set(firewall, (followed = { open: new Map(), basis: undefined, counted: undefined }));
    return followed;
  }
}

/** What was read back has the address, and for this owner; or a list that rules go by was not seen without it. */
function holds({ ruleset, owners, behind = [] }: Confirmed, address: string, holder: string): boolean {
  if (behind.some(({ isUsed, keeps }) => isUsed && keeps.has(address))) return true;
  return ruleset.members.has(address) && holdersIn(owners?.get(address) ?? '').includes(holder);
}
