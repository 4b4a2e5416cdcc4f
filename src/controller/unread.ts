import type { BorderFirewall } from '../api/resource.ts';
import type { LiveWorld } from './world/live-world.ts';

/** What is said of a BorderFirewall that this copy has never read, where its worker would say how it stands. */
export const NEVER_READ = {
  code: 'Unreadable',
  message: 'it cannot be read, so nothing is planned for it and its device stays as it is',
} as const;

/** The same of a firewall that another copy writes to, or that nobody writes to yet. */
export const OF_ANOTHER_COPY = {
  code: 'NOT_THE_WRITER',
  message: 'another copy of Sallyport writes to it, or none yet',
} as const;

/** The same of a firewall that no copy can work at where it runs (`Writers.isUnkept`). */
export const NOBODY_THERE = {
  code: 'NOBODY_THERE',
  message:
    'its address means the machine that Sallyport runs on, and no copy that runs may use nft on its machine: nobody follows it, and its ' +
    'device keeps what it holds; run Sallyport on the firewall machine, with CAP_NET_ADMIN, or let it be reached by ssh',
} as const;

/** A firewall, and those that it waits for. */
export interface Wanting {
  readonly name: string;
  /** Where it is; absent: it cannot be read. */
  readonly place?: Pick<BorderFirewall, 'driver' | 'address'>;
  readonly guard: Pick<BorderFirewall['guard'], 'after'>;
}

/** Firewalls that one copy each is to write to. One that was never read is among them: that copy says why nothing happens there. */
export function wantedBy({ firewalls, unread }: Pick<LiveWorld, 'firewalls' | 'unread'>): readonly Wanting[] {
  const wanted: Wanting[] = [...firewalls.values()].map(({ firewall }) => ({
    name: firewall.name,
    place: firewall,
    guard: firewall.guard,
  }));
  for (const name of unread.keys()) if (!firewalls.has(name)) wanted.push({ name, guard: { after: [] } });
  return wanted;
}
