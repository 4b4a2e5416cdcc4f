import { show } from '../../api/shape.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { type Address, type Family, formatAddress, parseAddress } from '../../ip/address.ts';
import type { EgressRule, FirewallSpec } from '../kinds/firewall.ts';
import { type Network, prefixTexts, primaryOf } from '../kinds/network.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { scopeOf } from '../subject.ts';
import { comment, header, inlineSet, portRule, type RuleUnit, sortedUnits } from './text.ts';

/**
 * Translation to the addresses of `egressRules`. With several addresses a hash chooses; today's text hashes the TCP source port, which
 * makes the rule one for TCP alone, so everything else has a rule of its own (reference 4.8).
 */
export function egressAddressRules(
  firewall: FirewallSpec,
  networks: readonly Network[],
  diagnostics: Diagnostic[],
): readonly RuleUnit[] {
  const primary = primaryOf(networks);
  const scope = scopeOf(firewall.subject, diagnostics).at('egressRules').otherwise('Nothing is translated by it.');
  if (firewall.egressRules.length === 0) return [];
  if (primary === undefined) {
    scope.mistake('MACHINE_NETWORK', 'this machine has no private primary network, whose traffic is translated');
    return [];
  }
  /** Which rule of the list translates already, of a network and a family. */
  const taken = new Map<string, EgressRule>();
  return sortedUnits(
    firewall.egressRules.flatMap((rule) => {
      const here = scope.at(rule.index);
      const network = networks.find(({ id }) => id === rule.networkId);
      if (network === undefined) {
        here.mistake(
          'MACHINE_NETWORK',
          `this machine is not attached to the network ${show(rule.networkId)}`,
          'networkID',
        );
        return [];
      }
      if (network.role !== 'external') {
        // Today's controller passes over these, so they stand in Firewalls that are as they should be.
        here.warning(
          'MACHINE_NETWORK',
          `the network ${show(rule.networkId)} is not an external one, so nothing is translated by it`,
          'networkID',
        );
        return [];
      }
      const usable = rule.addresses.flatMap((text, index): readonly Address[] => {
        const address = parseAddress(text);
        if (address !== undefined && PrefixSet.of(network.prefixes).contains(address)) return [address];
        const problem =
          address === undefined
            ? `${show(text)} is no IP address`
            : `${text} is in no prefix of the network "${network.id}" (${network.prefixes.length === 0 ? 'it has none' : PrefixSet.of(network.prefixes).toString()})`;
        here.otherwise('This address is not used.').mistake('MACHINE_NETWORK', problem, 'ips', index);
        return [];
      });
      return ([4, 6] as const).flatMap((family) => {
        const units = rulesOfFamily(rule, network, primary, usable, family);
        if (units.length === 0 && usable.some((address) => address.family === family))
          here.warning(
            'MACHINE_NETWORK',
            `the private primary network "${primary.id}" has no prefix of IPv${family}, so nothing is translated to addresses of IPv${family}`,
            'ips',
          );
        const other = units.length === 0 ? undefined : taken.get(`${family} ${network.id}`);
        if (other !== undefined)
          here.warning(
            'EGRESS_TWICE',
            `egressRules[${other.index}] translates what leaves for the network "${network.id}" by IPv${family} too; one of both alone is reached, the one that stands first in the sorted rules`,
          );
        else if (units.length > 0) taken.set(`${family} ${network.id}`, rule);
        return units;
      });
    }),
  );
}

function rulesOfFamily(
  rule: EgressRule,
  network: Network,
  primary: Network,
  usable: readonly Address[],
  family: Family,
): readonly RuleUnit[] {
  const addresses = usable.filter((address) => address.family === family).map(formatAddress);
  const sources = prefixTexts(primary.prefixes, family);
  const [only] = addresses;
  if (only === undefined || sources.length === 0) return [];
  const word = header(family);
  const from = `${word} saddr ${inlineSet(sources)} oifname "vlan${network.vrf}"`;
  const end = `random ${comment(`snat for ${network.id}`)}`;
  const owner = `Firewall egressRules ${rule.networkId}`;
  const unit = (line: string): RuleUnit => ({ lines: [line], owner });
  if (addresses.length === 1) return [unit(`${from} counter snat ${family === 4 ? only : `ip6 to ${only}`} ${end}`)];
  const map = `mod ${addresses.length} map ${inlineSet(addresses.map((address, index) => `${index} : ${address}`))}`;
  const to = family === 4 ? 'snat to' : 'snat ip6 to';
  return [
    unit(`${from} counter ${to} jhash ${word} daddr . tcp sport ${map} ${end}`),
    unit(`${from} meta l4proto != tcp counter snat ${word} to jhash ${word} daddr ${map} ${end}`),
  ];
}

/** Questions to the DNS proxy are not translated: it answers from an address of this machine. */
export function escapeRules(primary: Network): readonly RuleUnit[] {
  return ([4, 6] as const).flatMap((family) => {
    const sources = prefixTexts(primary.prefixes, family);
    if (sources.length === 0) return [];
    return (['tcp', 'udp'] as const).map((protocol) =>
      portRule(
        'dns',
        [`${header(family)} saddr ${inlineSet(sources)}`],
        protocol,
        ['53'],
        false,
        `escape snat for dns proxy ${protocol}`,
      ),
    );
  });
}
