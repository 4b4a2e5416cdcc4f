import type { Clock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import { nextEpoch } from '../../base/epoch.ts';
import { SallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { LEASE_MS, type LeasePlace, type LeaseRecord, RENEW_DEADLINE_MS, RETRY_MS } from './lease.ts';
import { type LeaseStore, isOutdated } from './lease-store.ts';
import { type Right, Tenure } from './tenure.ts';

export interface BorrowOptions {
  readonly store: LeaseStore;
  readonly place: LeasePlace;
  /** This process: no other one may ever have the same. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** Copies of this cluster's Sallyport were seen: a Lease that is missing may be somebody's. */
  readonly hasCompany: boolean;
  /** Somebody stands in the Lease; he is waited for, to see whether he lives. */
  readonly waits: (holder: string) => void;
}

/** A firewall's Lease in the hands of a command. */
export interface Borrowed {
  readonly tenure: Tenure;
  /** Nothing is under way on the firewall any more: gives the Lease back, or removes it where there was none before. */
  giveBack(): Promise<void>;
}

/**
 * Takes the Lease of a firewall as a copy of the controller would, by the same rules: at once where its holder let go, else 15 s after it was last
 * seen to change, by this process's own clock. It is renewed until it is given back. Rejects with DEVICE_LOCKED where its holder lives.
 */
export async function borrowLease(options: BorrowOptions, right: Right, signal: AbortSignal): Promise<Borrowed> {
  const { store, place, identity, clock, log, random } = options;
  const before = await untilFree(options, signal);
  const sentAt = clock.monotonic();
  const wall = clock.wall();
  const epoch = before === undefined ? 1 : nextEpoch(before.epoch);
  const content = { holder: identity, epoch, acquired: wall, renewed: wall };
  try {
    const record = await (before === undefined
      ? store.create(place, content, signal)
      : store.replace(place, content, before, signal));
    const tenancy = { store, place, identity, clock, log, random, onLost: () => undefined };
    const tenure = new Tenure(tenancy, record, right, sentAt);
    return { tenure, giveBack: () => tenure.release(before === undefined ? 'remove' : 'empty') };
  } catch (thrown) {
    if (isOutdated(thrown)) throw locked(place, 'another process, which took it at this moment');
    throw thrown;
  }
}

/** The Lease once nobody can believe that it is theirs; `undefined`: there is none. */
async function untilFree(
  { store, place, clock, hasCompany, waits }: BorrowOptions,
  signal: AbortSignal,
): Promise<LeaseRecord | undefined> {
  let seen = await store.get(place.name, signal);
  if (seen?.released === true || (seen === undefined && !hasCompany)) return seen;
  waits(seen?.holder ?? '');
  let changedAt = clock.monotonic();
  let lookedAt = changedAt;
  while (clock.monotonic() - changedAt < LEASE_MS) {
    await elapsed(clock, RETRY_MS, signal);
    signal.throwIfAborted();
    const askedAt = clock.monotonic();
    const found = await store.get(place.name, signal);
    if (found?.released === true) return found;
    const isSame = found?.resourceVersion === seen?.resourceVersion && found?.uid === seen?.uid;
    if (!isSame && found !== undefined && found.holder !== '') throw locked(place, found.holder);
    // Nothing is concluded from a time in which nobody looked.
    if (!isSame || askedAt - lookedAt > RENEW_DEADLINE_MS) changedAt = clock.monotonic();
    seen = found;
    lookedAt = askedAt;
  }
  return seen;
}

function locked({ title, name }: LeasePlace, holder: string): SallyportError {
  return new SallyportError(
    'DEVICE_LOCKED',
    `${title} is kept in step by ${holder} (Lease ${name}); say yes to its plan with approve, or stop it`,
  );
}
