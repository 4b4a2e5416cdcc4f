import { compareAddresses, formatAddress } from '../../../ip/address.ts';
import { defaultRouteNetwork } from '../../../machine/kinds/network.ts';
import type { MachineInput } from '../../../machine/ruleset.ts';
import type { Resolver } from './upstream.ts';

export const DNS_PORT = 53;

/** As today's controller, where the Firewall names none. */
export const DEFAULT_RESOLVER: Resolver = { address: '8.8.8.8', port: DNS_PORT };
/** The same one for a machine that has no IPv4 to reach it by. */
const DEFAULT_RESOLVER_6: Resolver = { address: '2001:4860:4860::8888', port: DNS_PORT };

/** Whom the DNS proxy asks (metal-stack reference, section 5); `problem`: why not the one that the Firewall names. */
export function resolverOf({ firewall, networks }: Pick<MachineInput, 'firewall' | 'networks'>): {
  readonly resolver: Resolver;
  readonly problem?: string;
} {
  const own = defaultRouteNetwork(networks)?.addresses ?? [];
  const isOfIpv6 = own.length > 0 && own.every(({ family }) => family === 6);
  const otherwise = isOfIpv6 ? DEFAULT_RESOLVER_6 : DEFAULT_RESOLVER;
  const { dnsServerAddress: given, dnsPort: port = DNS_PORT } = firewall;
  if (given === undefined) return { resolver: otherwise };
  const [listens] = own;
  if (listens === undefined || compareAddresses(given, listens) !== 0)
    return { resolver: { address: formatAddress(given), port } };
  return {
    resolver: otherwise,
    problem: `the resolver ${formatAddress(given)} is the DNS proxy itself; ${otherwise.address} is asked`,
  };
}
