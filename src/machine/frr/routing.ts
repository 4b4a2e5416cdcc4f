import { type Address, formatAddress } from '../../ip/address.ts';
import type { Facts } from '../kinds/facts.ts';
import { type Network, defaultRouteNetwork } from '../kinds/network.ts';

/** What a machine tells its switches, and which of its networks know of each other. */
export interface Routing {
  /** For people; `undefined`: not known, or no name. */
  readonly hostname: string | undefined;
  /** Of the machine in the underlay: every instance of BGP has it. */
  readonly asn: number;
  /** Dotted, as BGP has it. */
  readonly routerId: string;
  readonly primary: Network;
  readonly secondary: readonly Network[];
  readonly external: readonly Network[];
  /** The network whose own addresses the cluster does not learn. */
  readonly defaultRoute: Network;
  /** How much farther than it is this machine makes itself look, from 0 on. */
  readonly distance: number;
}

const LARGEST_ASN = 4_294_967_295;
/** Of a machine whose underlay is IPv6: BGP wants 32 bits (reference 9.2). */
const ROUTER_ID_IPV6 = '169.254.255.255';
const HOSTNAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * What FRR is to do, from the networks of the machine's installation, with the prefixes that they have now (reference 1.3 and 9.2). What is wrong
 * in words if they do not come to that: a machine is attached to exactly one private primary network and one underlay, and to one towards the world.
 * `current`: networks as their source knows them; their prefixes count, where there are any.
 */
export function routingOf(
  facts: Pick<Facts, 'hostname' | 'networks'>,
  current: readonly Network[],
  distance: number,
): { readonly value: Routing } | { readonly lacks: readonly string[] } {
  const now = new Map(current.map((network) => [network.id, network]));
  const networks = facts.networks.map((network): Network => {
    const prefixes = now.get(network.id)?.prefixes ?? [];
    return prefixes.length === 0 ? network : { ...network, prefixes };
  });
  const of = (role: Network['role']): readonly Network[] => networks.filter((network) => network.role === role);
  const [primary, secondPrimary] = of('primary');
  const [underlay, secondUnderlay] = of('underlay');
  const defaultRoute = defaultRouteNetwork(networks);
  const asn = underlay?.asn;
  const lacks: string[] = [];
  if (primary === undefined || secondPrimary !== undefined)
    lacks.push(`there ${isOrAre(of('primary').length)} private primary`);
  if (underlay === undefined || secondUnderlay !== undefined)
    lacks.push(`there ${isOrAre(of('underlay').length)} underlay`);
  else if (asn === undefined || asn < 1 || asn > LARGEST_ASN) lacks.push('the underlay has no AS number (`asn`)');
  if (defaultRoute === undefined) lacks.push('no network has a default route');
  const private_ = networks.filter(({ role }) => role !== 'underlay' && role !== 'other');
  const ids = private_.map(({ vrf }) => vrf);
  for (const { id, vrf } of private_)
    if (vrf < 1 || ids.indexOf(vrf) !== ids.lastIndexOf(vrf))
      lacks.push(`network ${id} has VRF ${vrf}, which is ${vrf < 1 ? 'none' : 'not its alone'}`);
  if (lacks.length > 0 || primary === undefined || underlay === undefined || defaultRoute === undefined)
    return { lacks };
  const { hostname } = facts;
  return {
    value: {
      hostname: hostname !== undefined && HOSTNAME.test(hostname) ? hostname : undefined,
      asn: asn ?? 0,
      routerId: routerIdOf(underlay.addresses[0]),
      primary,
      secondary: of('secondary'),
      external: of('external'),
      defaultRoute,
      distance,
    },
  };
}

function isOrAre(count: number): string {
  return count === 0 ? 'is no network that is' : `are ${count} networks that are`;
}

function routerIdOf(address: Address | undefined): string {
  if (address === undefined) return '0.0.0.0';
  return address.family === 4 ? formatAddress(address) : ROUTER_ID_IPV6;
}
