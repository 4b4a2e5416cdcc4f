import { type Address, formatAddress, parseAddress } from '../ip/address.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { FirewallSpec } from './kinds/firewall.ts';
import type { Network } from './kinds/network.ts';

/** The addresses that an interface has to carry, and those that nobody may take from it. */
export interface InterfaceAddresses {
  readonly link: string;
  readonly wanted: readonly string[];
}

/**
 * External networks’ interfaces carry the addresses that the machine was given there, and those that egress rules send with (reference 4.11).
 * An address outside the network is left out, as it is from the rules. Nothing for networks of which the machine's own addresses are not known:
 * to take one away would cut it off.
 */
export function interfaceAddresses(
  { egressRules }: Pick<FirewallSpec, 'egressRules'>,
  networks: readonly Network[],
): readonly InterfaceAddresses[] {
  return networks
    .filter(({ role, addresses }) => role === 'external' && addresses.length > 0)
    .map(({ id, vrf, addresses, prefixes }) => {
      const inside = PrefixSet.of(prefixes);
      const sent = egressRules
        .filter(({ networkId }) => networkId === id)
        .flatMap((rule) => rule.addresses)
        .map(parseAddress)
        .filter((address): address is Address => address !== undefined && inside.contains(address));
      return { link: `vlan${vrf}`, wanted: [...new Set([...addresses, ...sent].map(formatAddress))] };
    });
}
