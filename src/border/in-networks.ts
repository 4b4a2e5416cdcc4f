import { parseAddress } from '../ip/address.ts';
import type { Ruleset } from './ruleset.ts';

/** Whether an unknown sender with this address is dropped: whoever leaves there loses all, and elsewhere to leave could open (design section 2). */
export function isInNetworks(address: string, { networks }: Pick<Ruleset, 'networks'>): boolean {
  const parsed = parseAddress(address);
  return parsed !== undefined && networks.contains(parsed);
}
