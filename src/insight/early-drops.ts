import { AgeMap } from '../base/age-map.ts';
import type { Clock } from '../base/clock.ts';

/** Packets of one address that a firewall dropped before it knew who sends them. */
export interface EarlyDrops {
  readonly firewall: string;
  readonly address: string;
  /** Who has the address, as the table of owners tells it. */
  readonly owner: string;
  readonly packets: number;
  /** When the first and the last of them were told (wall). */
  readonly from: number;
  readonly to: number;
  /** Who had the address until shortly before the first of them, and may have sent some. */
  readonly before?: string;
}

export interface EarlyDropsOptions {
  readonly clock: Clock;
  /** Who has an address now, if the firewall is to hold it; `undefined`: nobody, or it never will. */
  readonly ownerOf: (firewall: string, address: string) => string | undefined;
  /** Told once packets of an address have ceased, and seldom while they go on; `packets` are all since `from`. */
  readonly tell: (drops: EarlyDrops) => void;
  /** So many packets were an early sender's, or nobody's. */
  readonly count: (firewall: string, sender: 'early' | 'nobody', packets: number) => void;
}

/** An address that nobody has for so long after its last packet was nobody's; one that was given up longer ago is no longer its owner's before. */
const WINDOW_MS = 60_000;
/** Addresses that are remembered of one firewall; of more than that the ones that were silent for longest are forgotten. */
const MOST_SENDERS = 16_384;
const LOOK_MS = 1_000;
/** Packets have ceased for the first time when none came for so long. */
const QUIET_MS = 3_000;
/** Who goes on sending is told after so long, and then after twice as long each time. */
const TELL_MS = 15_000;
const LONGEST_TELL_MS = 600_000;

interface Sender {
  packets: number;
  readonly from: number;
  to: number;
  /** Monotonic. */
  readonly firstAt: number;
  lastAt: number;
}

/** A sender that has a name. */
interface Named extends Sender {
  readonly owner: string;
  readonly before: string | undefined;
  told: number;
  tellAt: number;
  pauseMs: number;
}

/** What is known of one firewall; both in the order of the last packet. */
interface Senders {
  readonly unnamed: AgeMap<string, Sender>;
  readonly named: AgeMap<string, Named>;
}

/**
 * Gives packets that a firewall drops as an unknown sender's the name of the workload that has their address, or gets it within a minute.
 * Whoever can send may invent addresses: all that is remembered is bounded, and what is forgotten is counted as nobody's.
 */
export class EarlyDropTally {
  readonly #options: EarlyDropsOptions;
  readonly #firewalls = new Map<string, Senders>();
  /** Who gave up an address last, and when (monotonic); oldest first. */
  readonly #left = new AgeMap<string, { readonly owner: string; readonly at: number }>();
  #cancel: (() => void) | undefined;

  constructor(options: EarlyDropsOptions) {
    this.#options = options;
  }

  /** A firewall dropped one packet as of an unknown sender. `address`: canonical. */
  dropped(firewall: string, address: string): void {
    const { clock, count } = this.#options;
    const senders = this.#sendersOf(firewall);
    const named = senders.named.get(address);
    const known = named ?? senders.unnamed.get(address);
    const [now, wall] = [clock.monotonic(), clock.wall()];
    const sender = known ?? { packets: 0, from: wall, to: wall, firstAt: now, lastAt: now };
    sender.packets += 1;
    // Not by the wall clock, which may have been set back since.
    sender.to = sender.from + (now - sender.firstAt);
    sender.lastAt = now;
    // Who still sends is forgotten last.
    if (named !== undefined) {
      count(firewall, 'early', 1);
      senders.named.set(address, named);
    } else {
      senders.unnamed.set(address, sender);
      this.#name(firewall, senders, address);
      if (senders.unnamed.size > MOST_SENDERS) this.#forgetOldest(firewall, senders);
    }
    this.#lookLater();
  }

  /** An address has another owner now; `''`: none. What the firewalls are to hold is known already. */
  moved(address: string, old: string, next: string): void {
    if (old !== '') {
      this.#left.set(address, { owner: old, at: this.#options.clock.monotonic() });
      if (this.#left.size > MOST_SENDERS) this.#left.takeOldest();
    }
    for (const [firewall, senders] of this.#firewalls) {
      const named = senders.named.get(address);
      if (named !== undefined && named.owner !== next) {
        this.#tell(firewall, address, named);
        senders.named.delete(address);
      }
      if (next !== '' && senders.unnamed.has(address)) this.#name(firewall, senders, address);
    }
  }

  /** A firewall is followed no longer: what is to be told of it is told. */
  forget(firewall: string): void {
    for (const [address, named] of this.#firewalls.get(firewall)?.named ?? []) this.#tell(firewall, address, named);
    this.#firewalls.delete(firewall);
  }

  /** How many addresses are remembered, for whoever watches over memory. */
  get size(): number {
    let size = this.#left.size;
    for (const { unnamed, named } of this.#firewalls.values()) size += unnamed.size + named.size;
    return size;
  }

  #sendersOf(firewall: string): Senders {
    let senders = this.#firewalls.get(firewall);
    if (senders === undefined)
      this.#firewalls.set(firewall, (senders = { unnamed: new AgeMap(), named: new AgeMap() }));
    return senders;
  }

  #name(firewall: string, { unnamed, named }: Senders, address: string): void {
    const { clock, ownerOf, count } = this.#options;
    const sender = unnamed.get(address);
    const owner = ownerOf(firewall, address);
    if (sender === undefined || owner === undefined) return;
    unnamed.delete(address);
    const left = this.#left.get(address);
    const isDoubtful = left !== undefined && left.owner !== owner && left.at > sender.firstAt - WINDOW_MS;
    named.set(address, {
      ...sender,
      owner,
      before: isDoubtful ? left.owner : undefined,
      told: 0,
      tellAt: clock.monotonic() + TELL_MS,
      pauseMs: TELL_MS,
    });
    count(firewall, 'early', sender.packets);
    const oldest = named.size > MOST_SENDERS ? named.takeOldest() : undefined;
    if (oldest !== undefined) this.#tell(firewall, ...oldest);
  }

  #forgetOldest(firewall: string, { unnamed }: Senders): void {
    const oldest = unnamed.takeOldest();
    if (oldest !== undefined) this.#options.count(firewall, 'nobody', oldest[1].packets);
  }

  #lookLater(): void {
    this.#cancel ??= this.#options.clock.after(LOOK_MS, () => {
      this.#cancel = undefined;
      this.#look();
    });
  }

  #look(): void {
    const now = this.#options.clock.monotonic();
    let isBusy = false;
    for (const [firewall, senders] of this.#firewalls) {
      const { unnamed, named } = senders;
      for (const [, { lastAt }] of unnamed) {
        if (now - lastAt < WINDOW_MS) break;
        this.#forgetOldest(firewall, senders);
      }
      for (const [address, sender] of named) {
        const quietMs = now - sender.lastAt;
        // Who tries again at ever longer pauses falls quiet many times: only the first time counts.
        const isDue = sender.told === 0 ? quietMs >= QUIET_MS : quietMs >= WINDOW_MS;
        if (isDue || now >= sender.tellAt) this.#tell(firewall, address, sender);
        if (quietMs >= WINDOW_MS) named.delete(address);
      }
      isBusy ||= unnamed.size + named.size > 0;
    }
    if (isBusy) this.#lookLater();
  }

  #tell(firewall: string, address: string, named: Named): void {
    const { packets, from, to, owner, before, told } = named;
    if (packets === told) return;
    named.told = packets;
    named.tellAt = this.#options.clock.monotonic() + named.pauseMs;
    named.pauseMs = Math.min(named.pauseMs * 2, LONGEST_TELL_MS);
    const doubt = before === undefined ? {} : { before };
    this.#options.tell({ firewall, address, owner, packets, from, to, ...doubt });
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#cancel?.();
    this.#firewalls.clear();
  }
}
