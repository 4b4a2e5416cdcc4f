import { BucketMap } from '../src/base/bucket-map.ts';
import type { BorderRule, Class, Group, Ruleset } from '../src/border/ruleset.ts';
import { PortSet } from '../src/ip/port-set.ts';
import { PrefixSet } from '../src/ip/prefix-set.ts';

/** Rules of each class. */
export const RULES = 5;
/** What the fourth rule of every class allows: UDP to here. */
export const REACHABLE = '203.0.113.0/24';
/** The first address; the others follow. */
export const FIRST_ADDRESS = 0x0a800000;

export interface RulesetSize {
  readonly addresses: number;
  /** Address groups; each address is in one. */
  readonly groups: number;
  readonly classes: number;
}

/** A ruleset of this size, made directly: no pods, no policies. IPv4. */
export function largeRuleset({ addresses, groups, classes }: RulesetSize): Ruleset {
  return {
    firewall: 'edge',
    cluster: 'bench',
    destinations: PrefixSet.all,
    inside: PrefixSet.parse(['10.128.0.0/12']),
    networks: PrefixSet.parse(['10.128.0.0/12']),
    classes: new Map(Array.from({ length: classes }, (_, of) => [`class-${of}`, classOf(of)])),
    members: BucketMap.from(Array.from({ length: addresses }, (_, i) => [address(i), `class-${i % classes}`])),
    groups: new Map(Array.from({ length: groups }, (_, of) => [`group-${of}`, groupOf(of, addresses, groups)])),
    nats: [],
    established: 'Cut',
  };
}

function classOf(of: number): Class {
  const endOrigin = { policy: 'layer/ClusterBorderPolicy' };
  const stage = {
    id: `stage-${of}`,
    layer: 'ClusterBorderPolicy' as const,
    name: 'ClusterBorderPolicy',
    rules: Array.from({ length: RULES }, (_, index) => rule(of, index)),
    end: 'Deny' as const,
    endOrigin,
  };
  const part = { id: `part-${of}`, stages: [stage], otherwise: 'Deny' as const, otherwiseOrigin: endOrigin };
  return { id: `class-${of}`, family: 4, parts: [part], widened: [] };
}

function rule(of: number, index: number): BorderRule {
  const reaches = index === RULES - 2;
  const nets = PrefixSet.parse([reaches ? REACHABLE : `198.18.${(of + index) % 200}.0/24`]);
  return {
    origin: { policy: `ClusterBorderPolicy/policy-${of}`, rule: index },
    family: 4,
    action: index === RULES - 1 ? 'Deny' : 'Allow',
    protocol: index % 2 === 0 ? 6 : 17,
    outside: { nets, groups: [], notGroups: [], domains: [] },
    ...(reaches ? {} : { ports: PortSet.of(1_000 + ((of * RULES + index) % 500)) }),
    widen: false,
  };
}

function groupOf(of: number, addresses: number, groups: number): Group {
  const members = Array.from({ length: addresses / groups }, (_, k) => address(of + k * groups));
  return {
    id: `group-${of}`,
    kind: 'AddressGroup',
    family: 4,
    deviceName: `group-${of}`,
    resource: `AddressGroup/group-${of}`,
    use: 'Allow',
    members: BucketMap.from(members.map((member) => [member, true as const])),
  };
}

/** The address with this number. */
export function address(i: number): string {
  const value = FIRST_ADDRESS + i;
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
}
