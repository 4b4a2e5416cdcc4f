import { BucketMap } from '../../src/base/bucket-map.ts';
import type { BorderRule, Class, Nat, NatTarget, Ruleset } from '../../src/border/ruleset.ts';
import { PortSet } from '../../src/ip/port-set.ts';
import { PrefixSet } from '../../src/ip/prefix-set.ts';

/** A class that may use one TCP port to one net, and nothing else. */
export function allowing(id: string, net: string, port: number): Class {
  const rule: BorderRule = {
    origin: { policy: `ClusterBorderPolicy/${id}`, rule: 0 },
    family: 4,
    action: 'Allow',
    protocol: 6,
    ports: PortSet.of(port),
    outside: { nets: PrefixSet.parse([net]), groups: [], notGroups: [], domains: [] },
    widen: false,
  };
  const end = { policy: 'layer/ClusterBorderPolicy' };
  const stage = {
    id,
    layer: 'ClusterBorderPolicy',
    name: 'ClusterBorderPolicy',
    rules: [rule],
    end: 'Deny',
    endOrigin: end,
  } as const;
  return {
    id,
    family: 4,
    parts: [{ id, stages: [stage], otherwise: 'Deny', otherwiseOrigin: { policy: 'layer/unselected' } }],
    widened: [],
  };
}

/** A class without parts: everything passes. */
export function passing(id: string): Class {
  return { id, family: 4, parts: [], widened: [] };
}

/** A ruleset told by who is in which class; everything else as small as can be, unless given. */
export function world(
  members: Readonly<Record<string, string>>,
  classes: readonly Class[] = [allowing('bank', '203.0.113.0/24', 443), allowing('shop', '198.51.100.0/24', 80)],
  rest: Partial<Ruleset> = {},
): Ruleset {
  return {
    firewall: 'edge-1',
    cluster: 'lab',
    destinations: PrefixSet.all,
    inside: PrefixSet.parse(['10.0.0.0/8']),
    networks: PrefixSet.parse(['10.0.0.0/16']),
    classes: new Map(classes.map((one) => [one.id, one])),
    members: BucketMap.from(Object.entries(members)),
    groups: new Map(),
    nats: [],
    established: 'Cut',
    ...rest,
  };
}

/** `count` addresses `10.0.NET.1`, `10.0.NET.2` … in one class. */
export function crowd(count: number, id: string, net = 0): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`10.0.${net}.${at + 1}`, id]));
}

/** A translation of all flows of these senders. */
export function translating(id: string, targets: Readonly<Record<string, NatTarget>>): Nat {
  return {
    id,
    family: 4,
    origin: { policy: `SourceNAT/${id}` },
    destination: PrefixSet.all,
    sources: BucketMap.from(Object.entries(targets)),
  };
}
