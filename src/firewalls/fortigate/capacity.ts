import { z } from 'zod';
import type { Capacity, Room as TableRoom } from '../rulebase/capacity.ts';
import type { RuleBase } from '../rulebase/model.ts';
import type { FortiosApi } from './fortios-api.ts';
import { type Release, isAtLeast } from './release.ts';
import type { Snapshot } from './snapshot.ts';
import { ADDRESSES } from './words.ts';

/** What the device counts, by its names in `vdom-resource` (vendor reference 1.11). */
const RESOURCES = ['firewall-policy', 'firewall-address', 'firewall-addrgrp', 'custom-service'] as const;
type Resource = (typeof RESOURCES)[number];

/** How many entries there may be, and are. */
export interface Room {
  readonly most: number;
  readonly used: number;
}

/** Absent: the device does not tell. */
export type Rooms = ReadonlyMap<Resource, Room>;

const resourceForm = z.object({ current_usage: z.number(), global_max: z.number(), custom_max: z.number() });
const resourcesForm = z.record(z.string(), z.unknown());

/** How full the tables of the VDOM are. Limits that somebody set for it count where they are smaller; 0 is none. */
export async function askRooms(api: FortiosApi, signal: AbortSignal): Promise<Rooms> {
  const { results } = await api.ask({ method: 'GET', path: 'monitor/system/vdom-resource' }, signal);
  const told = resourcesForm.safeParse(results).data ?? {};
  const rooms = new Map<Resource, Room>();
  for (const resource of RESOURCES) {
    const one = resourceForm.safeParse(told[resource]).data;
    if (one === undefined) continue;
    const limits = [one.global_max, one.custom_max].filter((limit) => limit > 0);
    if (limits.length > 0) rooms.set(resource, { most: Math.min(...limits), used: one.current_usage });
  }
  return rooms;
}

/** Tables with more than that of their room in use are told. */
const NEARLY = 0.9;

/** For people. */
export function nearlyFull(rooms: Rooms): readonly string[] {
  return [...rooms]
    .filter(([, { most, used }]) => used >= NEARLY * most)
    .map(([resource, { most, used }]) => `${resource}: ${used} of ${most} are in use`);
}

/** Entries of all feeds of a device together (vendor reference 1.10). */
const FEED_ENTRIES = 300_000;
const SUMMED_FEEDS: Release = [7, 4, 4];

/** What the VDOM holds at most, less what is not of the rule base. */
export function capacityOf(rooms: Rooms, snapshot: Snapshot, base: RuleBase, release: Release): Capacity {
  const room = (resource: Resource, ours: number): TableRoom | undefined => {
    const told = rooms.get(resource);
    return told && { most: told.most, others: Math.max(0, told.used - ours) };
  };
  const configured = [...base.groups.values()].filter(({ store }) => store === 'Configured').length;
  // Whether IPv6 addresses are counted here is told by the count alone; where they are not, nothing tells their limit.
  const addresses = snapshot.rows(ADDRESSES[4]).length + snapshot.rows(ADDRESSES[6]).length;
  const countsBoth = (rooms.get('firewall-address')?.used ?? 0) >= addresses;
  const told = {
    objects: countsBoth ? room('firewall-address', base.objects.size) : undefined,
    groups: room('firewall-addrgrp', configured),
    services: room('custom-service', base.services.size),
    rules: room('firewall-policy', base.rules.length),
    entries: isAtLeast(release, SUMMED_FEEDS) ? { most: FEED_ENTRIES, others: 0 } : undefined,
  };
  return Object.fromEntries(Object.entries(told).filter(([, one]) => one !== undefined)) as Capacity;
}
