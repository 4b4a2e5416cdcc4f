import { type AddressGroup, type BorderFirewall, resourceKey } from '../api/resource.ts';
import { compareUtf8 } from '../base/compare.ts';
import type { Family } from '../ip/address.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Selector } from '../selector/selector.ts';
import type { Entry } from './entry.ts';
import type { Facts } from './facts.ts';
import { type Finding, stalled } from './finding.ts';
import { OutsideGroups } from './groups.ts';
import { type Ids, signature } from './ids.ts';
import type { Layers } from './layers.ts';
import { networksOf } from './networks.ts';
import { isFor, scopedSelector } from './own-policies.ts';
import type { Profile } from './profile.ts';
import type { Class, GroupId } from './ruleset.ts';
import { partsOf } from './shared-address.ts';
import { type CompiledNat, type Taken, natsOf } from './source-nat.ts';
import { Parts, type Pick } from './stages.ts';

/** Mixtures of senders come and go with pods; what was not asked for long is made again. */
const MOST_CLASSES = 10_000;

/** One AddressGroup at one firewall. */
export interface CompiledGroup {
  readonly resource: AddressGroup;
  readonly id: Readonly<Record<Family, GroupId>>;
  readonly selector: Selector;
  /** It cannot be read. */
  readonly held: boolean;
}

/** What all frames of one compilation share. */
export interface Surroundings {
  readonly facts: Facts;
  readonly inside: PrefixSet;
  readonly taken: Taken;
  readonly outsideGroups: OutsideGroups;
  readonly ids: Ids;
  /** Errors that the firewalls show only together. */
  readonly errors: ReadonlyMap<string, readonly Finding[]>;
}

/**
 * Everything about one firewall that no pod's coming, going or changing can change: its policies, translations and groups compiled, and
 * the parts and classes made from them on demand. Thrown away whole when anything it was made from changes.
 */
export class Frame {
  readonly firewall: BorderFirewall;
  readonly inside: PrefixSet;
  readonly governed: PrefixSet;
  readonly networks: PrefixSet;
  readonly entries: readonly Entry[];
  readonly nats: readonly CompiledNat[];
  readonly groups: readonly CompiledGroup[];
  readonly outsideGroups: OutsideGroups;
  readonly findings: readonly Finding[];
  /** Mistakes that leave nothing that could be planned. */
  readonly isRefused: boolean;
  readonly #parts: Parts;
  readonly #ids: Ids;
  readonly #profiles = new Map<string, Profile>();
  readonly #numbers = new Map<Profile, number>();
  readonly #classes = new Map<string, Class>();

  constructor(firewall: BorderFirewall, layers: Layers, surroundings: Surroundings) {
    const { facts, inside, outsideGroups, ids, errors } = surroundings;
    this.firewall = firewall;
    this.inside = inside;
    this.governed = firewall.destinations.subtract(inside);
    this.networks = networksOf(firewall, facts.pools, facts.nodes, this.governed);
    this.entries = layers.entries;
    const { nats, findings } = natsOf(firewall, facts, surroundings.taken, ids);
    this.nats = nats;
    const groups = groupsOf(firewall, facts, ids);
    this.groups = groups.groups;
    this.outsideGroups = outsideGroups;
    const fatal = errors.get(firewall.name) ?? [];
    this.isRefused = fatal.length > 0;
    this.findings = [...fatal, ...unknownPools(firewall, facts), ...layers.findings, ...findings, ...groups.findings];
    this.#parts = new Parts(this.entries, firewall.unselected, this.governed, outsideGroups, ids);
    this.#ids = ids;
  }

  /** What the firewall makes of a workload that these policies, translations and groups select (see `Parts.of`); each list ascends. */
  profile(
    picks: readonly Pick[],
    nats: readonly number[],
    groups: readonly number[],
    family: Family,
    profiled: boolean,
  ): Profile {
    const key = signature(
      family,
      profiled,
      ...picks.map((pick) => `${pick.rank}:${pick.bits}`),
      '',
      ...nats,
      '',
      ...groups,
    );
    let profile = this.#profiles.get(key);
    if (profile === undefined) {
      const part = this.#parts.of(picks, family, profiled);
      const entries = picks.flatMap((pick) => this.entries[pick.rank] ?? []);
      profile = {
        family,
        entries,
        widening: this.#parts.widening(picks),
        nats,
        groups,
        ...(part === undefined ? {} : { part }),
      };
      this.#profiles.set(key, profile);
      this.#numbers.set(profile, this.#numbers.size);
    }
    return profile;
  }

  /** The class of an address that workloads of these profiles send from. */
  classOf(profiles: readonly Profile[], blind: boolean): Class {
    const numbers = profiles.map((profile) => this.#numbers.get(profile) ?? -1).sort((a, b) => a - b);
    const key = `${blind}/${numbers.join()}`;
    let found = this.#classes.get(key);
    if (found === undefined) {
      const family = profiles[0]?.family ?? 4;
      const { parts, widening } = partsOf(profiles, blind);
      const widened = this.#parts.widened(widening, family);
      const names = [...widened.map((part) => part.id), '', ...parts.map((part) => part.id)];
      if (this.#classes.size >= MOST_CLASSES) this.#classes.clear();
      found = { id: this.#ids.of('c', signature('class', family, ...names)), family, parts, widened };
      this.#classes.set(key, found);
    }
    return found;
  }
}

function unknownPools(firewall: BorderFirewall, { pools }: Facts): readonly Finding[] {
  const unknown = (firewall.workloads.ipPools ?? []).filter((name) => pools.every((pool) => pool.name !== name));
  return unknown.map((name) =>
    stalled(firewall, firewall, {
      code: 'BORDER_POOL_UNKNOWN',
      path: 'spec.workloads.ipPools',
      message: `there is no IPPool ${JSON.stringify(name)}; the other pools count`,
    }),
  );
}

function groupsOf(
  firewall: BorderFirewall,
  facts: Facts,
  ids: Ids,
): { readonly groups: readonly CompiledGroup[]; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const groups: CompiledGroup[] = [];
  const owners = new Map<string, string>();
  const wanted = facts.addressGroups.filter((group) => isFor(group.firewalls, firewall.name));
  for (const resource of [...wanted].sort((a, b) => compareUtf8(a.name, b.name))) {
    const key = resourceKey(resource);
    const say = (code: Finding['code'], path: string, message: string): void => {
      findings.push(stalled(resource, firewall, { code, path, message }));
    };
    const owner = owners.get(resource.deviceName);
    if (owner !== undefined) {
      say(
        'BORDER_GROUP_NAME_TAKEN',
        'spec.name',
        `${owner} already has the name ${JSON.stringify(resource.deviceName)} at BorderFirewall/${firewall.name}; choose another`,
      );
      continue;
    }
    owners.set(resource.deviceName, key);
    const held = !resource.selector.ok || !resource.namespaceSelector.ok;
    if (held)
      say(
        'BORDER_GROUP_HELD',
        '',
        `a selector cannot be read, so the group stays as BorderFirewall/${firewall.name} holds it; mend the selector`,
      );
    groups.push({
      resource,
      id: { 4: ids.of('a', signature('addressGroup', key, 4)), 6: ids.of('a', signature('addressGroup', key, 6)) },
      selector: scopedSelector('', resource.selector, resource.namespaceSelector),
      held,
    });
  }
  return { groups, findings };
}
