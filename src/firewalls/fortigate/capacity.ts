import { z } from 'zod';
import { allEnded } from '../../base/all-ended.ts';
import type { Clock } from '../../base/clock.ts';
import type { Capacity, Room as TableRoom } from '../rulebase/capacity.ts';
import type { RuleBase } from '../rulebase/model.ts';
import { isMarked } from '../rulebase/names.ts';
import type { Envelope } from './envelope.ts';
import { isRefusedWith } from './errors.ts';
import type { FortiosApi } from './fortios-api.ts';
import { TURN_MS } from './parts.ts';
import { type Release, isAtLeast } from './release.ts';
import type { Row, TableId } from './rows.ts';
import type { FortigateScope } from './scope.ts';
import type { Snapshot } from './snapshot.ts';
import { ADDRESSES, CUSTOM, GROUPS, POLICY, SERVICE_GROUP, commentOf } from './words.ts';

/** What the device counts, by its names in `vdom-resource` (vendor reference 1.11). */
const RESOURCES = [
  'firewall-policy',
  'firewall-address',
  'firewall-addrgrp',
  'custom-service',
  'service-group',
] as const;
type Resource = (typeof RESOURCES)[number];

/** How many entries there may be, and are. */
export interface Room {
  readonly most: number;
  readonly used: number;
}

/** Absent: the device does not tell. */
export type Rooms = ReadonlyMap<Resource, Room>;

const resourceForm = z.object({ current_usage: z.number(), global_max: z.number(), custom_max: z.number().default(0) });
const resourcesForm = z.record(z.string(), z.unknown());

/** Asks how full the tables are, of the VDOM and of the whole device. */
export class RoomReader {
  readonly #api: FortiosApi;
  readonly #clock: Clock;
  /** An account of one VDOM may not be told of the others. */
  #isWholeHidden = false;
  /** What was told last, and when (monotonic) that was asked. */
  #last: { readonly text: string; readonly at: number } | undefined;

  constructor(api: FortiosApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  /** The device is asked anew what it is: so is who may be told what. */
  forget(): void {
    this.#isWholeHidden = false;
  }

  /** For each table the room that is the smaller one: of the VDOM, or of all VDOMs together. */
  async ask(signal: AbortSignal): Promise<Rooms> {
    const at = this.#clock.monotonic();
    const rooms = await this.#smaller(signal);
    this.#last = { text: textOf(rooms), at };
    return rooms;
  }

  /** Whether they are as `ask` gave them last, which is asked in a stream of changes when it has its turn. */
  async areSame(signal: AbortSignal): Promise<boolean> {
    const last = this.#last;
    if (last === undefined) return false;
    const at = this.#clock.monotonic();
    if (at - last.at < TURN_MS) return true;
    if (textOf(await this.#smaller(signal)) !== last.text) return false;
    this.#last = { ...last, at };
    return true;
  }

  async #smaller(signal: AbortSignal): Promise<Rooms> {
    const [vdom, whole] = await allEnded([this.#vdom(signal), this.#whole(signal)]);
    const rooms = new Map(vdom);
    for (const [resource, room] of whole) {
      const known = vdom.get(resource);
      if (known === undefined || room.most - room.used < known.most - known.used) rooms.set(resource, room);
    }
    return rooms;
  }

  async #vdom(signal: AbortSignal): Promise<Rooms> {
    return roomsIn(await this.#api.ask({ method: 'GET', path: 'monitor/system/vdom-resource' }, signal));
  }

  async #whole(signal: AbortSignal): Promise<Rooms> {
    if (this.#isWholeHidden) return new Map();
    try {
      return roomsIn(await this.#api.ask({ method: 'GET', path: 'monitor/system/global-resources' }, signal));
    } catch (thrown) {
      if (!isRefusedWith(thrown, 403, 404, -14, -37)) throw thrown;
      this.#isWholeHidden = true;
      return new Map();
    }
  }
}

function textOf(rooms: Rooms): string {
  return JSON.stringify([...rooms]);
}

/** Limits that somebody set count where they are smaller; 0 is none. */
function roomsIn({ results }: Envelope): Rooms {
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

/** Entries of all feeds of a device together (vendor reference 1.10). */
const FEED_ENTRIES = 300_000;
const SUMMED_FEEDS: Release = [7, 4, 4];

/** Of one feed, before that (vendor reference 1.10). */
const ENTRIES_OF_FEED = 131_072;

/** What the VDOM holds at most, less what is not ours. */
export function capacityOf(
  rooms: Rooms,
  snapshot: Snapshot,
  base: RuleBase,
  release: Release,
  scope: FortigateScope,
  takes: NonNullable<Capacity['takes']>,
): Capacity {
  const isOurs = (table: TableId, row: Row): boolean => isMarked(commentOf(table, row), scope.cluster);
  const room = (resource: Resource, tables: readonly TableId[], kept = 0): TableRoom | undefined => {
    const told = rooms.get(resource);
    const all = tables.reduce((sum, table) => sum + snapshot.rows(table).length, 0);
    // Whether both families are counted is told by the count alone; where they are not, nothing tells the limit of IPv6.
    if (told === undefined || told.used < all) return undefined;
    const marked = tables.reduce(
      (sum, table) => sum + snapshot.rows(table).filter((row) => isOurs(table, row)).length,
      0,
    );
    const ours = Math.max(0, marked - kept);
    return { most: told.most, others: told.used - ours, ours };
  };
  // It says who wrote last, from the first write on, and takes no part in what is wanted.
  const writer = snapshot.row(ADDRESSES[4], scope.auxiliaries.writer);
  const addresses = room('firewall-address', [ADDRESSES[4], ADDRESSES[6]], writer === undefined ? 0 : 1);
  const told = {
    objects: addresses && writer === undefined ? { ...addresses, others: addresses.others + 1 } : addresses,
    groups: room('firewall-addrgrp', [GROUPS[4], GROUPS[6]]),
    services: room('custom-service', [CUSTOM]),
    serviceGroups: room('service-group', [SERVICE_GROUP]),
    rules: room('firewall-policy', [POLICY]),
  };
  const feeds: Capacity = isAtLeast(release, SUMMED_FEEDS)
    ? { entries: { most: FEED_ENTRIES, others: 0, ours: entriesIn(base) } }
    : { entriesOfGroup: ENTRIES_OF_FEED };
  return { ...definedOf(told), ...feeds, takes };
}

/** The same, by what was read back after members of feeds changed: what others have does not change by what we write. */
export function refilled(capacity: Capacity, base: RuleBase): Capacity {
  const ours = entriesIn(base);
  const { entries } = capacity;
  return entries === undefined || entries.ours === ours ? capacity : { ...capacity, entries: { ...entries, ours } };
}

function entriesIn({ groups }: RuleBase): number {
  return [...groups.values()].reduce((sum, { store, members }) => sum + (store === 'Volatile' ? members.size : 0), 0);
}

function definedOf(told: Readonly<Record<string, TableRoom | undefined>>): Capacity {
  return Object.fromEntries(Object.entries(told).filter(([, one]) => one !== undefined)) as Capacity;
}
