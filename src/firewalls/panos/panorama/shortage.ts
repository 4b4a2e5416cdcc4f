import { MOST_TAGS } from '../members/most-tags.ts';
import type { FirewallReading } from './panorama.ts';
import { type TagChange, canonicalAddress } from '../members/registered.ts';
import { tagsOfOthers } from '../members/tags-of-others.ts';

/** Most addresses have no more tags of ours than that. */
const FEW_LEFT = MOST_TAGS - 3;

/** What one firewall of several cannot register beside what others have registered there. */
export interface Shortage {
  /** For people. */
  readonly why: string;
  isLeftOut(address: string): boolean;
}

/**
 * What keeps a firewall from having all that it shall have, by what it told; `undefined`: nothing. `prefix`: of our tags. The firewalls beside it do not
 * wait for it.
 */
export function shortageAt(
  { firewall, registry, capacity }: FirewallReading,
  final: Iterable<TagChange>,
  prefix: string,
): Shortage | undefined {
  const { registered, marker } = registry;
  const wanted = new Map<string, number>();
  for (const { address } of final) wanted.set(address, (wanted.get(address) ?? 0) + 1);
  const present = new Set<string>();
  const crowded = new Map<string, number>();
  // The marker is there from the first write on.
  let needed = wanted.size + (marker === undefined ? 1 : 0);
  for (const [written, tags] of registered) {
    const address = canonicalAddress(written);
    present.add(address);
    const others = [...tags].filter((tag) => !tag.startsWith(prefix)).length;
    const own = wanted.get(address);
    if (own !== undefined && others + own > MOST_TAGS) crowded.set(address, others + own);
    if (own === undefined && others > 0) needed++;
  }
  const isFull = capacity !== undefined && needed > capacity;
  const [first] = crowded;
  if (!isFull && first === undefined) return undefined;
  const why = isFull
    ? `${needed} addresses would be registered, and it takes ${capacity}: nobody joins there who is not registered yet`
    : `${first?.[0]} would have ${first?.[1]} tags, those of others counted, and a registered address has ${MOST_TAGS} at most`;
  return {
    why: `${firewall.title}: ${why}`,
    isLeftOut: (address) => crowded.has(address) || (isFull && !present.has(address)),
  };
}

/** How many addresses others have left few tags of, or none. */
export function crowdedAt({ registry }: FirewallReading, prefix: string): number {
  let crowded = 0;
  for (const count of tagsOfOthers(registry.registered, prefix).values()) if (count > FEW_LEFT) crowded++;
  return crowded;
}

/**
 * How many addresses it takes beside those that others have registered there and we have not: what these take is not ours to give. One that did not
 * tell has less than any that did.
 */
export function roomAt({ registry, capacity }: FirewallReading, prefix: string): number {
  if (capacity === undefined) return Number.NEGATIVE_INFINITY;
  let room = capacity;
  for (const tags of registry.registered.values()) if (![...tags].some((tag) => tag.startsWith(prefix))) room--;
  return room;
}
