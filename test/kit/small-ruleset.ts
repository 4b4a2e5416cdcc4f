import { BucketMap } from '../../src/base/bucket-map.ts';
import type { BorderRule, Class, Family, Nat, Ruleset } from '../../src/border/ruleset.ts';
import { PortSet } from '../../src/ip/port-set.ts';
import { PrefixSet } from '../../src/ip/prefix-set.ts';

/** What one class may do, in a few words; everything else is denied. */
export interface SmallRule {
  readonly action?: 'Allow' | 'Deny';
  readonly protocol?: number;
  readonly port?: number;
  readonly to?: string;
}

export interface SmallRuleset {
  /** Rules of policy `ClusterBorderPolicy/NAME`, by its name; each makes a class of each family. */
  readonly policies: Readonly<Record<string, readonly SmallRule[]>>;
  /** Sender to policy. */
  readonly members: Readonly<Record<string, string>>;
  /** Sender to its address outside, for all destinations. */
  readonly translations?: Readonly<Record<string, string>>;
  readonly established?: 'Cut' | 'Keep';
}

const NETWORKS = PrefixSet.parse(['10.0.0.0/16', 'fd00::/64']);

/** A ruleset of a firewall that governs everything outside `10.0.0.0/16` and `fd00::/64` and must know every sender inside. */
export function smallRuleset(small: SmallRuleset): Ruleset {
  const classes = new Map<string, Class>();
  for (const [name, rules] of Object.entries(small.policies))
    for (const family of [4, 6] as const) classes.set(`${name}${family}`, smallClass(name, family, rules));
  const members = Object.entries(small.members).map(
    ([address, policy]) => [address, `${policy}${familyOf(address)}`] as const,
  );
  const nats = ([4, 6] as const).flatMap((family) => smallNat(family, Object.entries(small.translations ?? {})));
  return {
    firewall: 'edge-1',
    cluster: 'lab',
    destinations: PrefixSet.all,
    inside: NETWORKS,
    networks: NETWORKS,
    classes,
    members: BucketMap.from(members),
    groups: new Map(),
    nats,
    established: small.established ?? 'Cut',
  };
}

function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

function smallClass(name: string, family: Family, rules: readonly SmallRule[]): Class {
  const policy = `ClusterBorderPolicy/${name}`;
  const made = rules
    .filter(({ to }) => to === undefined || familyOf(to) === family)
    .map(
      ({ action = 'Allow', protocol, port, to }, index): BorderRule => ({
        origin: { policy, rule: index },
        family,
        action,
        ...(protocol === undefined ? {} : { protocol }),
        ...(port === undefined ? {} : { ports: PortSet.of(port) }),
        outside: {
          groups: [],
          notGroups: [],
          domains: [],
          ...(to === undefined ? {} : { nets: PrefixSet.parse([to]) }),
        },
        widen: false,
      }),
    );
  const stage = {
    // Equal ids mean equal rules.
    id: `${name}${family} ${JSON.stringify(rules)}`,
    layer: 'ClusterBorderPolicy' as const,
    name: 'ClusterBorderPolicy',
    rules: made,
    end: 'Deny' as const,
    endOrigin: { policy: 'layer/ClusterBorderPolicy' },
  };
  const part = {
    id: stage.id,
    stages: [stage],
    otherwise: 'Allow' as const,
    otherwiseOrigin: { policy: 'layer/unselected' },
  };
  return { id: `${name}${family}`, family, parts: [part], widened: [] };
}

function smallNat(family: Family, translations: readonly (readonly [string, string])[]): readonly Nat[] {
  const own = translations.filter(([address]) => familyOf(address) === family);
  if (own.length === 0) return [];
  return [
    {
      id: `nat${family}`,
      family,
      origin: { policy: 'SourceNAT/out' },
      destination: PrefixSet.all,
      sources: BucketMap.from(own.map(([sender, address]) => [sender, { kind: 'Address', address }] as const)),
    },
  ];
}
