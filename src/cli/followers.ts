import { isMap } from '../api/shape.ts';
import { systemClock } from '../base/clock.ts';
import { toSallyportError } from '../base/error.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import { entriesOf } from '../kubernetes/status-part.ts';
import type { CommandWorld } from './command-world.ts';
import type { LeaseHolder } from './lease-holders.ts';
import type { Terminal } from './terminal.ts';

/** Waits for so many milliseconds. */
export type Pause = (ms: number) => Promise<void>;

/** Whoever lives renews its Lease within this time. */
const LOOK_MS = 3_000;

/** What time the server has (wall); ours, where it does not say. */
export function serverTime({ clocks }: Pick<ApiClient, 'clocks'>): number {
  return systemClock.wall() + (clocks === undefined ? 0 : clocks.theirs - clocks.ours);
}

/**
 * Those of some Leases that somebody renews, by `lease`. A time in a Lease is its holder's, whose clock nobody knows: one that does not say that
 * it was renewed in time is looked at again a while later, and counts as renewed if it has changed meanwhile.
 */
export async function renewedLeases(
  seen: readonly LeaseHolder[],
  again: () => Promise<readonly LeaseHolder[]>,
  now: number,
  pause: Pause,
): Promise<ReadonlySet<string>> {
  const held = seen.filter(({ holder }) => holder !== '');
  const inTime = ({ renewed, lastsMs }: LeaseHolder): boolean => {
    const age = now - Date.parse(renewed);
    return age >= 0 && age <= lastsMs;
  };
  const doubtful = held.filter((lease) => !inTime(lease));
  const living = new Set(held.filter(inTime).map(({ lease }) => lease));
  if (doubtful.length === 0) return living;
  await pause(LOOK_MS);
  const later = new Map((await again()).map((lease) => [lease.lease, lease] as const));
  for (const { lease, version } of doubtful) {
    const { holder = '', version: other = version } = later.get(lease) ?? {};
    if (holder !== '' && other !== version) living.add(lease);
  }
  return living;
}

/** Since when nobody follows a firewall, for people; `leases`: all that it has, none of which is renewed. */
export function unfollowedText(leases: readonly LeaseHolder[]): string {
  const newest = leases.toSorted((a, b) => (Date.parse(b.renewed) || 0) - (Date.parse(a.renewed) || 0))[0];
  if (newest === undefined) return 'it has no Lease';
  const { holder, lease, renewed } = newest;
  const at = renewed === '' ? 'at a time that it does not tell' : renewed;
  if (holder === '') return `nobody holds its Lease ${lease}, which was let go of ${at}`;
  return `nobody holds its Lease ${lease}, which ${holder} renewed last ${at}`;
}

/** Somebody has said in the status of a firewall how it stands. */
export function hasBeenToldOf({ status }: { readonly status?: unknown }): boolean {
  return isMap(status) && entriesOf(status['conditions']).length > 0;
}

/**
 * Tells of firewalls that nobody follows now, though their status says how they stand: what a command answers of them is what they are to hold.
 * `only`: of these; absent: of all.
 */
export async function tellUnfollowed(
  terminal: Terminal,
  { world, unfollowed }: CommandWorld,
  only?: ReadonlySet<string>,
): Promise<void> {
  const names = [...world.firewalls.values()].flatMap(({ firewall }) =>
    hasBeenToldOf(firewall) && (only?.has(firewall.name) ?? true) ? [firewall.name] : [],
  );
  if (unfollowed === undefined || names.length === 0) return;
  try {
    for (const [name, why] of await unfollowed(names))
      terminal.err(
        `note: ${name}: ${why}: nobody follows it; what is told of it is what it is to hold, and its status is from before`,
      );
  } catch (thrown) {
    terminal.err(`note: whether anybody follows the firewalls is not known: ${toSallyportError(thrown).message}`);
  }
}
