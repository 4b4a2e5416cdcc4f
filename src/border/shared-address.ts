import { compareUtf8 } from '../base/compare.ts';
import type { EndpointId } from '../inventory/model.ts';
import type { Profile, Sending } from './profile.ts';
import type { NatTarget, Part } from './ruleset.ts';
import { choiceKey } from './sightings.ts';
import { type CompiledNat, targetFor } from './source-nat.ts';

/**
 * All workloads that one firewall may see with one address (design section 2: "One address, several workloads"). Counts senders by
 * profile, so that an address with 10,000 senders costs no more to judge than the number of different treatments among them.
 */
export class Senders {
  readonly address: string;
  readonly #byEndpoint = new Map<EndpointId, Sending>();
  readonly #byProfile = new Map<Profile, number>();
  #blind = 0;

  constructor(address: string) {
    this.address = address;
  }

  get size(): number {
    return this.#byEndpoint.size;
  }

  /** By nature, not only for a moment: one sender that is not alone here is enough. */
  get isBlind(): boolean {
    return this.#blind > 0;
  }

  get profiles(): readonly Profile[] {
    return [...this.#byProfile.keys()];
  }

  add(sending: Sending): void {
    this.delete(sending.endpoint);
    this.#byEndpoint.set(sending.endpoint, sending);
    this.#byProfile.set(sending.profile, (this.#byProfile.get(sending.profile) ?? 0) + 1);
    this.#blind += Number(sending.blind);
  }

  delete(endpoint: EndpointId): void {
    const sending = this.#byEndpoint.get(endpoint);
    if (sending === undefined) return;
    this.#byEndpoint.delete(endpoint);
    const left = (this.#byProfile.get(sending.profile) ?? 0) - 1;
    if (left > 0) this.#byProfile.set(sending.profile, left);
    else this.#byProfile.delete(sending.profile);
    this.#blind -= Number(sending.blind);
  }

  /** Endpoints whose profile satisfies a condition; sorted. */
  endpoints(condition: (profile: Profile) => boolean): readonly EndpointId[] {
    const found: EndpointId[] = [];
    for (const sending of this.#byEndpoint.values()) if (condition(sending.profile)) found.push(sending.endpoint);
    return found.sort(compareUtf8);
  }

  /** What a translation that selects some of the senders does with the address. `refused`: it must not touch it, strangers send from it. */
  target(nat: CompiledNat, index: number): NatTarget | 'refused' {
    const isSelected = (profile: Profile): boolean => profile.nats.includes(index);
    const all = this.profiles.every(isSelected);
    if (this.isBlind) return all || nat.widen ? targetFor(nat.choice, this.address) : 'refused';
    // Two owners for a moment: where they would leave differently, nobody leaves.
    if (!all) return TWO_OWNERS;
    const targets = new Set(
      [...this.#byEndpoint.values()].map((sending) => targetFor(nat.choice, choiceKey(sending.endpoint))),
    );
    const [target] = targets;
    return target === undefined || targets.size > 1 ? TWO_OWNERS : target;
  }

  /**
   * Whether the address belongs into a group that selects some of the senders. Into a blind one only what all senders are in; while an
   * address has two owners, a group for Allow takes it if both are in it, one for Deny if either is.
   */
  isInGroup(index: number, use: 'Allow' | 'Deny'): boolean {
    const isSelected = (profile: Profile): boolean => profile.groups.includes(index);
    return !this.isBlind && use === 'Deny' ? this.profiles.some(isSelected) : this.profiles.every(isSelected);
  }
}

const TWO_OWNERS: NatTarget = { kind: 'Hold', reason: 'two workloads have this address at the moment' };

/** What decides for an address (see `Class`). */
export interface SharedParts {
  /** Sorted by id. */
  readonly parts: readonly Part[];
  /** Ranks of the policies that count for the whole address; ascending. */
  readonly widening: readonly number[];
}

/**
 * The parts of an address from the profiles of its senders.
 * Its own address, for a moment of two owners: one part for each. A blind address: the same where some policy decides for every sender;
 * nothing where a stranger sends from it, whom no policy selects. Widening only where senders differ: what all agree on needs none.
 */
export function partsOf(profiles: readonly Profile[], blind: boolean): SharedParts {
  const parts = new Map(profiles.flatMap(({ part }) => (part === undefined ? [] : [[part.id, part] as const])));
  const strangers = profiles.some(({ part }) => part === undefined);
  const sorted = [...parts.values()].sort((a, b) => compareUtf8(a.id, b.id));
  if (!blind) return { parts: sorted, widening: [] };
  const differ = parts.size + Number(strangers) > 1;
  const widening = differ ? [...new Set(profiles.flatMap((profile) => profile.widening))].sort((a, b) => a - b) : [];
  return { parts: strangers ? [] : sorted, widening };
}
