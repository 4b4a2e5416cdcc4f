import { BucketMap } from '../../base/bucket-map.ts';
import type { Class, Group, Nat, NatTarget, Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { InterimOptions } from './interim.ts';

// A small approved state, and what may become of it.

export function denyAll(id: string): Class {
  return {
    id,
    family: 4,
    parts: [{ id, stages: [], otherwise: 'Deny', otherwiseOrigin: { policy: id } }],
    widened: [],
  };
}

export const base: Ruleset = {
  firewall: 'edge-1',
  cluster: 'lab',
  destinations: PrefixSet.all,
  inside: PrefixSet.empty,
  networks: PrefixSet.parse(['10.0.0.0/16']),
  classes: new Map(['a', 'b'].map((id) => [id, denyAll(id)])),
  members: BucketMap.from([
    ['10.0.0.1', 'a'],
    ['10.0.0.2', 'a'],
    ['172.16.0.9', 'b'],
  ]),
  groups: new Map(),
  nats: [],
  established: 'Cut',
};

export function nat(targets: Readonly<Record<string, string | NatTarget>>): Nat {
  const sources = Object.entries(targets).map(([key, target]): [string, NatTarget] => [
    key,
    typeof target === 'string' ? { kind: 'Address', address: target } : target,
  ]);
  return {
    id: 'n',
    family: 4,
    origin: { policy: 'SourceNAT/n' },
    destination: PrefixSet.all,
    sources: BucketMap.from(sources),
  };
}

/** As an interim state holds it while a newcomer's translation is being edited. */
export const WAITS: NatTarget = { kind: 'Hold', reason: 'its translation waits for a yes' };

export type Owned = NonNullable<InterimOptions['owners']>;
/** Everybody in `base` is somebody's, and these addresses have got another owner since. */
export function owners(...reused: readonly string[]): Owned {
  const before = BucketMap.from(
    [...base.members.keys()].map((address): [string, string] => [address, `of ${address}`]),
  );
  return { before, now: before.with(reused.map((address) => [address, 'heir'] as const)) };
}

export function outside(nets: readonly string[], id = 'g'): Group {
  return { id, kind: 'Outside', family: 4, selector: id, nets: PrefixSet.parse(nets) };
}

export function list(
  addresses: readonly string[],
  rest: Partial<Extract<Group, { kind: 'AddressGroup' }>> = {},
): Extract<Group, { kind: 'AddressGroup' }> {
  const members = BucketMap.from(addresses.map((address): [string, true] => [address, true]));
  return {
    id: 'l',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'web',
    resource: 'AddressGroup/web',
    use: 'Allow',
    members,
    ...rest,
  };
}

export function grouped(...groups: readonly Group[]): Ruleset {
  return { ...base, groups: new Map(groups.map((group) => [group.id, group])) };
}
