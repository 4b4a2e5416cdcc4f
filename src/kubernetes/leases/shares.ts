import { hash } from 'node:crypto';
import { compareUtf8 } from '../../base/compare.ts';

/**
 * Which copy has which firewall: by rendezvous hashing, but none gets more than its share (rounded up). The same for everybody who
 * knows the same names; a copy that goes moves its own firewalls, and few others.
 */
export function shareOut(firewalls: Iterable<string>, copies: Iterable<string>): ReadonlyMap<string, string> {
  const wanted = [...new Set(firewalls)];
  const takers = [...new Set(copies)];
  const share = Math.ceil(wanted.length / Math.max(1, takers.length));
  const pairs = wanted.flatMap((firewall) => takers.map((copy) => ({ firewall, copy, weight: weigh(firewall, copy) })));
  pairs.sort((a, b) => compareUtf8(b.weight, a.weight));
  const shares = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const { firewall, copy } of pairs) {
    const count = counts.get(copy) ?? 0;
    if (shares.has(firewall) || count >= share) continue;
    shares.set(firewall, copy);
    counts.set(copy, count + 1);
  }
  return shares;
}

function weigh(firewall: string, copy: string): string {
  return hash('sha256', `${firewall}\n${copy}`, 'hex');
}
