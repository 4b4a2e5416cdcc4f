import type { Actual } from '../../driver.ts';
import type { Capacity as Room } from '../../rulebase/capacity.ts';
import type { ObservedRuleBase } from '../../rulebase/model.ts';
import type { Start } from '../change/steps.ts';
import { type Ground, ourTags } from '../configuration/ground.ts';
import { leftIn } from '../configuration/in-use.ts';
import type { ListRooms, Shown } from '../lists/list-steps.ts';
import type { TagChange } from '../members/registered.ts';
import { NO_STATE, type RegistryReading } from '../members/registry.ts';
import { type Crowded, tagsOfOthers } from '../members/tags-of-others.ts';
import type { DeviceReading } from './device.ts';
import type { Unit } from './pair.ts';

/** A firewall, or the active one of a pair, as it was read. */
export interface PanosActual extends Actual {
  readonly observed: ObservedRuleBase;
  /** A Panorama has pushed things of our cluster there, and the vsys itself runs none: another BorderFirewall keeps it. */
  readonly isKeptByPanorama: boolean;
  /** What of it the device did not let go. */
  readonly left: string;
  readonly reading: DeviceReading;
  /** What fits, where the device told. */
  readonly rooms: Room | undefined;
  readonly orphans: readonly TagChange[];
  readonly active: Unit;
  /** Registered addresses of the one that stands by. */
  readonly standby: RegistryReading | undefined;
  /** What lists hold, where any are kept. */
  readonly shown: readonly Shown[];
  readonly listRooms: ListRooms | undefined;
}

/** Where the steps of one firewall start. */
export function startOf(
  { observed, reading, orphans, active, standby, rooms, shown, listRooms: room }: PanosActual,
  ground: Ground,
): Start {
  const { running, candidate } = reading.configuration;
  return {
    observed,
    running,
    candidate,
    left: leftIn(candidate, active.device.inUse, ground.cluster),
    lockStays: reading.lockStays,
    orphans,
    state: reading.registry.marker?.state ?? NO_STATE,
    active: active.title,
    standby: standby && {
      tags: ourTags(standby.registered, ground),
      others: tagsOfOthers(standby.registered, ground.style.tags),
      state: standby.marker?.state ?? NO_STATE,
    },
    shown,
    ...(rooms === undefined ? {} : { rooms }),
    ...(room === undefined ? {} : { listRooms: room }),
  };
}

/** Those that are to hold the same registered addresses. */
export function unitsIn({ reading, active, standby }: PanosActual): readonly Crowded[] {
  const { registered } = reading.registry;
  if (standby === undefined) return [{ title: '', registered }];
  return [
    { title: active.title, registered },
    { title: 'the one that stands by', registered: standby.registered },
  ];
}
