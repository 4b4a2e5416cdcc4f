import type { Family } from '../../ip/address.ts';
import { FABRIC } from '../base-rules.ts';
import { importsOf, type PrefixList, type VrfImports } from './imports.ts';
import type { Routing } from './routing.ts';

/** From this version on, an instance of a VRF refuses paths that do not begin with the neighbour's number, unless told not to (reference 9.2). */
const STRICT_FIRST_AS = 10;
/** Of routes that begin on this machine. */
const SELF = 'SELF';
const OWN_ROUTES = 'only-self-out';
const LOOPBACKS = 'LOOPBACKS';

/**
 * `/etc/frr/frr.conf` of a firewall machine (reference 9.2), for FRR of the given major version. The distance makes the way through this machine
 * longer by as many times its own AS number, in everything that it tells the switches; 0 leaves all as it is (reference 9.3).
 */
export function frrText(routing: Routing, version: number): string {
  const { hostname, primary, secondary, external } = routing;
  const imports = importsOf(routing);
  const lines = [
    '# written by sallyport; changes are overwritten',
    'frr version 8.5',
    'frr defaults datacenter',
    ...(hostname === undefined ? [] : [`hostname ${hostname}`]),
    '!',
    'log syslog debugging',
    'debug bgp updates',
    'debug bgp nht',
    'debug bgp update-groups',
    'debug bgp zebra',
    '!',
    ...[primary, ...secondary, ...external].flatMap(({ vrf }) => [`vrf vrf${vrf}`, ` vni ${vrf}`, ' exit-vrf', '!']),
    ...FABRIC.flatMap((link) => [`interface ${link}`, ' ipv6 nd ra-interval 6', ' no ipv6 nd suppress-ra', '!']),
    ...underlay(routing),
    ...imports.flatMap((each) => instance(routing, each, version)),
    ...imports.flatMap(({ prefixLists }) => prefixLists.flatMap(prefixListLines)),
    '!',
    ...imports.flatMap(importMap),
    `route-map ${LOOPBACKS} permit 10`,
    ' match interface lo',
    '!',
    `bgp as-path access-list ${SELF} seq 5 permit ^$`,
    '!',
    `route-map ${OWN_ROUTES} permit 10`,
    ` match as-path ${SELF}`,
    ...(routing.distance === 0
      ? []
      : [` set as-path prepend ${Array.from({ length: routing.distance }, () => routing.asn).join(' ')}`]),
    '!',
    `route-map ${OWN_ROUTES} deny 99`,
    '!',
    'line vty',
    '!',
  ];
  return `${lines.join('\n')}\n`;
}

/** Towards the switches, over links without addresses. */
function underlay({ asn, routerId }: Routing): readonly string[] {
  return [
    `router bgp ${asn}`,
    ` bgp router-id ${routerId}`,
    ' bgp bestpath as-path multipath-relax',
    ' neighbor FABRIC peer-group',
    ' neighbor FABRIC remote-as external',
    ' neighbor FABRIC timers 2 8',
    ...FABRIC.map((link) => ` neighbor ${link} interface peer-group FABRIC`),
    ' !',
    ' address-family ipv4 unicast',
    `  redistribute connected route-map ${LOOPBACKS}`,
    `  neighbor FABRIC route-map ${OWN_ROUTES} out`,
    ' exit-address-family',
    ' !',
    ' address-family ipv6 unicast',
    `  redistribute connected route-map ${LOOPBACKS}`,
    '  neighbor FABRIC activate',
    `  neighbor FABRIC route-map ${OWN_ROUTES} out`,
    ' exit-address-family',
    ' !',
    ' address-family l2vpn evpn',
    '  neighbor FABRIC activate',
    `  neighbor FABRIC route-map ${OWN_ROUTES} out`,
    '  advertise-all-vni',
    ' exit-address-family',
    '!',
  ];
}

function instance({ asn, routerId }: Routing, { vrf, sources }: VrfImports, version: number): readonly string[] {
  const families = (['ipv4', 'ipv6'] as const).flatMap((family) => [
    ' !',
    ` address-family ${family} unicast`,
    '  redistribute connected',
    ...sources.map((source) => `  import vrf vrf${source}`),
    `  import vrf route-map ${mapOf(vrf)}`,
    ' exit-address-family',
  ]);
  return [
    `router bgp ${asn} vrf vrf${vrf}`,
    ` bgp router-id ${routerId}`,
    ' bgp bestpath as-path multipath-relax',
    ...(version >= STRICT_FIRST_AS ? [' no bgp enforce-first-as'] : []),
    ...families,
    ' !',
    ' address-family l2vpn evpn',
    '  advertise ipv4 unicast',
    '  advertise ipv6 unicast',
    ' exit-address-family',
    '!',
  ];
}

function prefixListLines({ name, family, entries }: PrefixList): readonly string[] {
  return entries.map((entry) => `${header(family)} prefix-list ${name} ${entry}`);
}

/** Lists in reverse order of their names, as the reference has it; what is in none of them is not learnt. */
function importMap({ vrf, prefixLists }: VrfImports): readonly string[] {
  const sorted = prefixLists.toSorted((a, b) => (a.name < b.name ? 1 : -1));
  return [
    ...sorted.flatMap(({ name, family, source, isTold }, index) => [
      `route-map ${mapOf(vrf)} permit ${(index + 1) * 10}`,
      ` match source-vrf vrf${source}`,
      ` match ${header(family)} address prefix-list ${name}`,
      ...(isTold ? [] : [' set community no-export additive']),
      '!',
    ]),
    `route-map ${mapOf(vrf)} deny ${(sorted.length + 1) * 10}`,
    '!',
  ];
}

function mapOf(vrf: number): string {
  return `vrf${vrf}-import-map`;
}

function header(family: Family): 'ip' | 'ipv6' {
  return family === 4 ? 'ip' : 'ipv6';
}
