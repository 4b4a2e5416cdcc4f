import { z } from 'zod';
import { list, optional, optionalText } from '../../api/fields.ts';
import { type Prefix, formatPrefix, parsePrefix } from '../../ip/prefix.ts';
import { type Address, parseAddress } from '../../ip/address.ts';
import { refuse } from '../../api/mistake.ts';
import { show } from '../../api/shape.ts';
import type { Scope } from '../../api/scope.ts';
import { count, readEntries } from './values.ts';

/** What a network is to a firewall machine (metal-stack reference, 1.3). */
export type NetworkRole = 'primary' | 'secondary' | 'external' | 'underlay' | 'other';

/** One network that a firewall machine is attached to. */
export interface Network {
  readonly id: string;
  readonly role: NetworkRole;
  /** Names its interfaces: `vrf<ID>`, `vlan<ID>`, `vni<ID>`. */
  readonly vrf: number;
  readonly prefixes: readonly Prefix[];
  readonly destinations: readonly Prefix[];
  readonly addresses: readonly Address[];
  /** Whether the base rules hide the cluster behind this network's address. */
  readonly nat: boolean;
  /** Of the machine in this network, for BGP. */
  readonly asn: number | undefined;
}

const ROLES: Readonly<Record<string, NetworkRole>> = {
  privateprimaryunshared: 'primary',
  privateprimaryshared: 'primary',
  privatesecondaryshared: 'secondary',
  privatesecondaryunshared: 'secondary',
  external: 'external',
  underlay: 'underlay',
};

/** Types of the newer API, in install files and in JSON; `child-shared` is the cluster's own where the project is. */
const NEWER_ROLES: Readonly<Record<string, NetworkRole | 'shared'>> = {
  child: 'primary',
  child_shared: 'shared',
  external: 'external',
  underlay: 'underlay',
};

const flag = optional(z.boolean());

/** A VRF is a VXLAN too, which has 24 bits. A longer number is no name of an interface, and nft refuses all rules for one such name. */
const MOST_VRFS = 16_777_215;
const vrfId = count.transform((written, context): number => {
  const id = Number(written);
  return id <= MOST_VRFS
    ? id
    : refuse(context, 'FIELD_INVALID', `${id} is no id of a VRF; the largest is ${MOST_VRFS}`);
});

/** The spellings of `status.firewallNetworks`, install.yaml and machine-allocation.yaml, together. */
const schema = z.object({
  networkID: optionalText,
  networkid: optionalText,
  network: optionalText,
  networkType: optionalText,
  networktype: optionalText,
  network_type: optionalText,
  project: optionalText,
  vrf: optional(vrfId),
  private: flag,
  underlay: flag,
  nat: flag,
  nat_type: optionalText,
  natType: optionalText,
  nattypev2: optionalText,
  asn: optional(count),
  prefixes: list(z.string()),
  destinationPrefixes: list(z.string()),
  destinationprefixes: list(z.string()),
  destination_prefixes: list(z.string()),
  ips: list(z.string()),
});

/**
 * Reads a list of networks; what cannot be read of one is noted and left out. `project`: of the machine, which tells whose a shared network is.
 */
export function readNetworks(raw: unknown, scope: Scope, project?: string): readonly Network[] {
  return readEntries(schema, raw, scope.otherwise('This network is left out.')).map(({ value, index }) => {
    const here = scope.at(index).otherwise('It is left out.');
    const nets = (written: readonly string[], field: string): readonly Prefix[] =>
      written.flatMap((text, at) => {
        const read = parsePrefix(text, { hostBits: 'mask', bareAddress: true });
        if ('value' in read) return [read.value];
        here.mistake('PREFIX_INVALID', read.problem, field, at);
        return [];
      });
    const addresses = value.ips.flatMap((text, at) => {
      const read = parseAddress(text);
      if (read !== undefined) return [read];
      here.mistake('FIELD_INVALID', `${show(text)} is no IP address`, 'ips', at);
      return [];
    });
    const written = value.networkType ?? value.networktype ?? value.network_type;
    const destinations = (['destinationPrefixes', 'destinationprefixes', 'destination_prefixes'] as const).flatMap(
      (field) => nets(value[field], field),
    );
    return {
      id: value.networkID ?? value.networkid ?? value.network ?? '',
      role:
        written === undefined
          ? roleByFlags(value)
          : roleOf(written, value.project !== undefined && value.project === project),
      vrf: value.vrf ?? 0,
      prefixes: nets(value.prefixes, 'prefixes'),
      destinations,
      addresses,
      nat: value.nat ?? /masq/i.test(value.nat_type ?? value.natType ?? value.nattypev2 ?? ''),
      asn: value.asn === undefined ? undefined : Number(value.asn),
    };
  });
}

function roleOf(written: string, own: boolean): NetworkRole {
  const known = ROLES[written];
  if (known !== undefined) return known;
  const newer =
    NEWER_ROLES[
      written
        .replace(/^NETWORK_TYPE_/, '')
        .toLowerCase()
        .replaceAll('-', '_')
    ] ?? 'other';
  return newer === 'shared' ? (own ? 'primary' : 'secondary') : newer;
}

/** Files from before network types say `private` and `underlay` alone. */
function roleByFlags(value: {
  readonly private?: boolean | undefined;
  readonly underlay?: boolean | undefined;
}): NetworkRole {
  if (value.underlay === true) return 'underlay';
  return value.private === true ? 'primary' : 'external';
}

/** The network of the cluster behind the firewall; there is one, or the machine is not set up. */
export function primaryOf(networks: readonly Network[]): Network | undefined {
  return networks.find(({ role }) => role === 'primary');
}

/** The private networks: the cluster's own, and those that it shares. */
export function insideOf(networks: readonly Network[]): readonly Network[] {
  return networks.filter(({ role }) => role === 'primary' || role === 'secondary');
}

/** The network towards the world: its first address is where the DNS proxy listens. */
export function defaultRouteNetwork(networks: readonly Network[]): Network | undefined {
  const toEverywhere = ({ destinations }: Network): boolean => destinations.some(({ length }) => length === 0);
  return (
    networks.find((network) => network.role === 'external' && toEverywhere(network)) ??
    networks.find((network) => network.role === 'secondary' && toEverywhere(network))
  );
}

/** Texts for rules. */
export function prefixTexts(prefixes: readonly Prefix[], family: 4 | 6): readonly string[] {
  return prefixes.filter((prefix) => prefix.family === family).map(formatPrefix);
}
