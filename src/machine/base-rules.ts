import { type Address, formatAddress } from '../ip/address.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { insideOf, type Network, primaryOf, prefixTexts } from './kinds/network.ts';
import { comment, header, inlineSet } from './rules/text.ts';

/** What the base rules of a machine depend on. */
export interface BaseInput {
  readonly networks: readonly Network[];
  /** Whether people come in by the VPN of the installation, and not by SSH from anywhere. */
  readonly vpn: boolean;
  /** Where the DNS proxy listens; `undefined`: none runs. */
  readonly proxy: Address | undefined;
  /** The Firewall's `dnsPort`; absent: 53. */
  readonly dnsPort?: number | undefined;
}

/** Links of the machine to its switches. */
export const FABRIC = ['lan0', 'lan1'] as const;
export const BGP_PORT = 179;
const VXLAN_PORT = 4789;
const DNS_PORT = 53;
const REFUSED_PREFIX = 'nftables-metal-dropped: ';

/**
 * The base rules of a machine (`/etc/nftables/rules`, reference 4.10): what the machine itself takes and sends, and translation by its own
 * addresses. Forwarding is left to the table of `table-text.ts`. Rules of the allocation are not repeated here: behind a policy of accept
 * they would decide nothing. Nothing if the networks do not tell what the cluster's own is: what is there then stays.
 */
export function baseRules({ networks, vpn, proxy, dnsPort = DNS_PORT }: BaseInput): string | undefined {
  const primary = primaryOf(networks);
  if (primary === undefined || !networks.some(({ role }) => role === 'underlay')) return undefined;
  const inside = insideOf(networks);
  const lines = [
    '# written by sallyport; changes are overwritten',
    'table inet metal {',
    ...chain('input', 'type filter hook input priority 0; policy drop;', [
      `meta l4proto ipv6-icmp counter accept ${comment('icmpv6 input required for neighbor discovery')}`,
      `iifname "lo" counter accept ${comment('local traffic')}`,
      ...FABRIC.map(
        (link) =>
          `iifname "${link}" ip6 saddr fe80::/64 tcp dport ${BGP_PORT} counter accept ${comment(`bgp unnumbered input from ${link}`)}`,
      ),
      ...FABRIC.map(
        (link) =>
          `iifname "${link}" ip saddr 10.0.0.0/8 udp dport ${VXLAN_PORT} counter accept ${comment(`incoming VXLAN ${link}`)}`,
      ),
      `ct state established,related counter accept ${comment('stateful input')}`,
      ...(proxy === undefined ? [] : askProxy(proxy, dnsPort, inside)),
      vpn
        ? `iifname "tailscale*" counter accept ${comment('VPN connections')}`
        : `tcp dport 22 ct state new counter accept ${comment('SSH incoming connections')}`,
      ...inside.flatMap(({ vrf }) => [
        `iifname "vrf${vrf}" tcp dport 9100 counter accept ${comment('node metrics')}`,
        `iifname "vrf${vrf}" tcp dport 9630 counter accept ${comment('nftables metrics')}`,
      ]),
      `ct state invalid counter drop ${comment('drop invalid packets to prevent malicious activity')}`,
      'counter jump refuse',
    ]),
    ...chain('forward', 'type filter hook forward priority 0; policy accept;', [
      `ct state invalid counter drop ${comment('drop invalid packets from forwarding to prevent malicious activity')}`,
      `ct state established,related counter accept ${comment('stateful forward')}`,
      `tcp dport ${BGP_PORT} ct state new counter jump refuse ${comment('block bgp forward to machines')}`,
    ]),
    ...chain('output', 'type filter hook output priority 0; policy accept;', []),
    ...(proxy === undefined
      ? []
      : chain('output_ct', 'type filter hook output priority raw; policy accept;', answerZone(inside, proxy, dnsPort))),
    ...chain('refuse', undefined, [`limit rate 2/minute log prefix "${REFUSED_PREFIX}"`, 'counter drop']),
    '}',
    'table inet nat {',
    ...(proxy === undefined ? [] : interception(proxy, dnsPort, inside)),
    ...chain(
      'postrouting',
      'type nat hook postrouting priority 0; policy accept;',
      masquerading(networks, primary, proxy),
    ),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

function chain(name: string, hook: string | undefined, rules: readonly string[]): readonly string[] {
  return [
    `    chain ${name} {`,
    ...(hook === undefined ? [] : [`        ${hook}`]),
    ...rules.map((rule) => `        ${rule}`),
    '    }',
  ];
}

/** Whose questions are led to the proxy may ask it: the cluster, and the private networks where these lie elsewhere. */
function askProxy(proxy: Address, dnsPort: number, inside: readonly Network[]): readonly string[] {
  const { family } = proxy;
  const cluster = family === 4 ? '10.0.0.0/8' : 'fd00::/8';
  const further = inside.flatMap(({ prefixes }) =>
    prefixTexts(
      prefixes.filter((prefix) => !PrefixSet.parse([cluster]).covers(PrefixSet.of([prefix]))),
      family,
    ),
  );
  const word = header(family);
  const from = further.length === 0 ? cluster : inlineSet([...new Set([cluster, ...further])]);
  return (['tcp', 'udp'] as const).map(
    (protocol) =>
      `${word} saddr ${from} ${word} daddr ${formatAddress(proxy)} ${protocol} dport ${dnsPort} counter accept ${comment(`${protocol} domain for dns proxy`)}`,
  );
}

/** Connections with the proxy are apart from those that were led to it: these are its answers. */
function answerZone(inside: readonly Network[], proxy: Address, dnsPort: number): readonly string[] {
  return ownZone(
    inside,
    'oifname',
    dnsPort === DNS_PORT ? '' : `${header(proxy.family)} saddr ${formatAddress(proxy)} `,
    `sport ${dnsPort}`,
  );
}

/** These are questions: to whatever resolver, and to the proxy itself where it listens at a port of its own. */
function questionZone(inside: readonly Network[], proxy: Address, dnsPort: number): readonly string[] {
  const own = `${header(proxy.family)} daddr ${formatAddress(proxy)} `;
  return [
    ...ownZone(inside, 'iifname', '', `dport ${DNS_PORT}`),
    // Elsewhere this port is anybody's.
    ...(dnsPort === DNS_PORT ? [] : ownZone(inside, 'iifname', own, `dport ${dnsPort}`)),
  ];
}

function ownZone(
  inside: readonly Network[],
  side: 'iifname' | 'oifname',
  who: string,
  port: string,
): readonly string[] {
  const links = inlineSet(inside.map(({ vrf }) => `"vlan${vrf}"`));
  return (['tcp', 'udp'] as const).map((protocol) => `${side} ${links} ${who}${protocol} ${port} ct zone set 3`);
}

/** Questions to well-known resolvers are led to the proxy. `proxy_dns_servers` takes further ones from our own file. */
function interception(proxy: Address, dnsPort: number, inside: readonly Network[]): readonly string[] {
  const { family } = proxy;
  const set = family === 4 ? 'proxy_dns_servers' : 'proxy_dns_servers_v6';
  const known =
    family === 4
      ? ['8.8.8.8', '8.8.4.4', '1.1.1.1', '1.0.0.1']
      : ['2001:4860:4860::8888', '2001:4860:4860::8844', '2606:4700:4700::1111', '2606:4700:4700::1001'];
  const links = inlineSet(inside.map(({ vrf }) => `"vlan${vrf}"`));
  const word = header(family);
  const at = formatAddress(proxy);
  const place = dnsPort === DNS_PORT ? at : `${family === 4 ? at : `[${at}]`}:${dnsPort}`;
  return [
    `    set ${set} {`,
    `        type ${family === 4 ? 'ipv4_addr' : 'ipv6_addr'}`,
    '        flags interval',
    '        auto-merge',
    `        elements = ${inlineSet(known)}`,
    '    }',
    ...chain(
      'prerouting',
      'type nat hook prerouting priority 0; policy accept;',
      (['tcp', 'udp'] as const).map(
        (protocol) =>
          `iifname ${links} ${word} daddr @${set} ${protocol} dport 53 dnat ${word} to ${place} ${comment(`dnat ${protocol} dns to proxy`)}`,
      ),
    ),
    ...chain(
      'prerouting_ct',
      'type filter hook prerouting priority raw; policy accept;',
      questionZone(inside, proxy, dnsPort),
    ),
  ];
}

function masquerading(networks: readonly Network[], primary: Network, proxy: Address | undefined): readonly string[] {
  return networks
    .filter(({ nat, role }) => nat && role !== 'underlay')
    .flatMap(({ id, vrf }) =>
      ([4, 6] as const).flatMap((family) =>
        prefixTexts(primary.prefixes, family).map((prefix) => {
          const word = header(family);
          const butProxy = proxy?.family === family ? ` ${word} daddr != ${formatAddress(proxy)}` : '';
          return `oifname "vlan${vrf}" ${word} saddr ${prefix}${butProxy} counter masquerade random ${comment(`snat (networkid: ${id})`)}`;
        }),
      ),
    );
}
