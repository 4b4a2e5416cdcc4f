import { compareUtf8 } from '../base/compare.ts';
import type { EndpointId } from '../inventory/model.ts';
import type { Frame } from './frame.ts';
import type { Profile } from './profile.ts';
import type { Senders } from './shared-address.ts';

/** How many strangers are named; the others are counted. */
const NAMED = 3;

/** One object that selects some senders of a blind address, and what becomes of it there. */
export interface BlindItem {
  /** `Refused`: it is not enforced there. `Widened`: it is, and strangers get the same. */
  readonly kind: 'Refused' | 'Widened';
  readonly object: string;
  readonly strangers: readonly EndpointId[];
  readonly more: number;
}

/** What there is to say about one blind address. */
export interface BlindReport {
  readonly senders: number;
  readonly items: readonly BlindItem[];
}

/** `undefined`: the address is a workload's own, or nothing here is about those who send from it. */
export function blindReport(senders: Senders, frame: Frame): BlindReport | undefined {
  const { profiles } = senders;
  const isTreated = profiles.some(({ entries, nats, groups }) => entries.length + nats.length + groups.length > 0);
  if (!senders.isBlind || !isTreated) return undefined;
  const items: BlindItem[] = [];
  const item = (kind: BlindItem['kind'], object: string, strangers: readonly EndpointId[]): void => {
    items.push({ kind, object, strangers: strangers.slice(0, NAMED), more: Math.max(0, strangers.length - NAMED) });
  };

  const hasStrangers = profiles.some((profile) => profile.part === undefined);
  const without = (condition: (profile: Profile) => boolean): readonly EndpointId[] =>
    profiles.every(condition) ? [] : senders.endpoints((profile) => !condition(profile));
  const entries = new Map(profiles.flatMap((profile) => profile.entries.map((entry) => [entry.id, entry] as const)));
  const widening = new Set(profiles.flatMap((profile) => profile.widening));
  for (const { id, rank } of entries.values()) {
    if (widening.has(rank)) {
      const others = without((profile) => profile.entries.some((entry) => entry.rank === rank));
      if (others.length > 0) item('Widened', id, others);
    } else if (hasStrangers)
      item(
        'Refused',
        id,
        senders.endpoints((profile) => profile.part === undefined),
      );
  }
  for (const [index, nat] of frame.nats.entries()) {
    if (!profiles.some((profile) => profile.nats.includes(index))) continue;
    const others = without((profile) => profile.nats.includes(index));
    if (others.length > 0) item(nat.widen ? 'Widened' : 'Refused', nat.origin.policy, others);
  }
  for (const [index, group] of frame.groups.entries()) {
    if (!profiles.some((profile) => profile.groups.includes(index))) continue;
    const others = without((profile) => profile.groups.includes(index));
    if (others.length > 0) item('Refused', `AddressGroup/${group.resource.name}`, others);
  }
  return { senders: senders.size, items: items.sort((a, b) => compareUtf8(a.object, b.object)) };
}
