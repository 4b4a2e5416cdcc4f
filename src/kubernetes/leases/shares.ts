import { hash } from 'node:crypto';
import { compareUtf8 } from '../../base/compare.ts';

/**
 * Which copy has which firewall: by rendezvous hashing, but none gets more than its share (rounded up). The same for everybody who
 * knows the same names; a copy that goes moves its own firewalls, and few others. `may`: whether a copy can have a firewall at all; of one
 * that only some can have the share is not asked, and one that none can have goes to any.
 */
export function shareOut(
  firewalls: Iterable<string>,
  copies: Iterable<string>,
  may: (firewall: string, copy: string) => boolean = () => true,
): ReadonlyMap<string, string> {
  const wanted = [...new Set(firewalls)];
  const takers = [...new Set(copies)];
  const share = Math.ceil(wanted.length / Math.max(1, takers.length));
  const pairs = wanted.flatMap((firewall) => {
    const able = takers.filter((copy) => may(firewall, copy));
    const some = able.length > 0 && able.length < takers.length;
    return (some ? able : takers).map((copy) => ({ firewall, copy, some, weight: weigh(firewall, copy) }));
  });
  // Whoever has what others cannot have gets less of the rest.
  pairs.sort((a, b) => Number(b.some) - Number(a.some) || compareUtf8(b.weight, a.weight));
  const shares = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const { firewall, copy, some } of pairs) {
    const count = counts.get(copy) ?? 0;
    if (shares.has(firewall) || (count >= share && !some)) continue;
    shares.set(firewall, copy);
    counts.set(copy, count + 1);
  }
  return shares;
}

function weigh(firewall: string, copy: string): string {
  return hash('sha256', `${firewall}\n${copy}`, 'hex');
}
