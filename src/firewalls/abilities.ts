/** Drivers, by the word in `spec.driver`. */
export type AbilityDriver = 'nftables' | 'fortigate' | 'panos' | 'feed';

/** It does what is asked, or why it refuses and what holds instead. */
export type Says = true | string;

/** One thing that people ask of a firewall. The contract of drivers asks it of each, and `docs/reference/drivers.md` tells the answers. */
export interface Ability {
  readonly title: string;
  /** What asks for it, in a world with a pod `shop/web` of both families (`src/firewalls/contract/abilities.ts`). */
  readonly asks: readonly Readonly<Record<string, unknown>>[];
  readonly says: Readonly<Record<AbilityDriver, Says>>;
}

const GROUPS_ALONE = 'lists hold addresses, not rules';
const APPLICATIONS = 'other protocols than TCP, UDP and SCTP are applications there';
const WHOLE_NAMES = 'it has objects for whole names alone';

const all = (nftables: Says, fortigate: Says, panos: Says, feed: Says = GROUPS_ALONE): Ability['says'] => ({
  nftables,
  fortigate,
  panos,
  feed,
});

function ours(kind: string, spec: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const whose = { namespaceSelector: 'all()', selector: "app == 'web'" };
  return { apiVersion: 'sallyport.dev/v1alpha1', kind, metadata: { name: 'asked' }, spec: { ...whose, ...spec } };
}

const rules = (
  title: string,
  egress: readonly Readonly<Record<string, unknown>>[],
  says: Ability['says'],
): Ability => ({ title, asks: [ours('ClusterBorderPolicy', { egress })], says });

const group = (title: string, spec: Readonly<Record<string, unknown>>, says: Ability['says']): Ability => ({
  title,
  asks: [ours('AddressGroup', spec)],
  says,
});

const translation = (
  title: string,
  destination: Readonly<Record<string, unknown>>,
  addresses: readonly string[],
  says: Ability['says'],
): Ability => ({
  title,
  asks: [
    ours('ClusterBorderPolicy', { egress: [{ action: 'Allow' }] }),
    ours('SourceNAT', { destination, translate: { addresses } }),
  ],
  says,
});

const NETS4 = ['203.0.113.0/24'];
const NETS6 = ['2001:db8::/32'];

/** Everything that the table of drivers tells, in its order. */
export const abilities: readonly Ability[] = [
  rules('rules for networks, IPv4', [{ action: 'Allow', nets: NETS4 }], all(true, true, true)),
  rules('rules for networks, IPv6', [{ action: 'Allow', nets: NETS6 }], all(true, true, true)),
  rules(
    'a Deny among Allows',
    [{ action: 'Allow', nets: ['203.0.113.7/32'] }, { action: 'Deny', nets: NETS4 }, { action: 'Allow' }],
    all(true, true, true),
  ),
  rules(
    'TCP and UDP, ports and ranges',
    [
      { action: 'Allow', protocol: 'TCP', ports: [443, '8000:8080'] },
      { action: 'Allow', protocol: 'UDP', ports: [53] },
    ],
    all(true, true, true),
  ),
  rules('SCTP', [{ action: 'Allow', protocol: 'SCTP', ports: [443] }], all(true, true, true)),
  rules('every port but some', [{ action: 'Allow', protocol: 'TCP', notPorts: [80] }], all(true, true, true)),
  rules('a whole protocol', [{ action: 'Allow', protocol: 'UDP' }], all(true, true, true)),
  rules(
    'ICMP by type and code',
    [{ action: 'Allow', protocol: 'ICMP', icmp: { type: 8 } }],
    all(true, true, APPLICATIONS),
  ),
  rules('other protocols by number', [{ action: 'Allow', protocol: 47 }], all(true, true, APPLICATIONS)),
  rules('every protocol but one', [{ action: 'Allow', notProtocol: 'TCP' }], all(true, true, APPLICATIONS)),
  rules(
    'domain names',
    [{ action: 'Allow', protocol: 'TCP', ports: [443], domains: ['bank.example'] }],
    all('it filters addresses, and resolves no names', true, true),
  ),
  rules(
    'domain names with a wildcard',
    [{ action: 'Allow', protocol: 'TCP', ports: [443], domains: ['*.shop.example'] }],
    all('it filters addresses, and resolves no names', WHOLE_NAMES, WHOLE_NAMES),
  ),
  group('address groups', {}, all(true, true, true, true)),
  group('address groups as feeds', { as: 'Feed' }, all('it has sets of its own alone', true, 'it has tags', true)),
  group(
    'address groups as tags',
    { as: 'Tag' },
    all('it has sets of its own alone', 'it has feeds', true, 'it has lists alone'),
  ),
  group('address groups as objects', { as: 'Group' }, all(true, true, true, true)),
  group('address groups that a Deny rests on', { use: 'Deny' }, all(true, true, true, true)),
  translation('SourceNAT, IPv4', { nets: NETS4 }, ['198.18.0.1'], all(true, true, true)),
  translation('SourceNAT, IPv6', { nets: NETS6 }, ['fd99:5::1'], all(true, true, 'it translates no IPv6 to IPv6')),
  translation('SourceNAT to several addresses', { nets: NETS4 }, ['198.18.0.1', '198.18.0.2'], all(true, true, true)),
  translation(
    'SourceNAT by protocol and port',
    { nets: NETS4, protocol: 'TCP', ports: [443] },
    ['198.18.0.1'],
    all(true, true, true),
  ),
];
