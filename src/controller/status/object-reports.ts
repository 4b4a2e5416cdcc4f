import { type ResourceKey, resourceKey } from '../../api/resource.ts';
import { STATUS_LIMITS } from '../../api/status.ts';
import { compareUtf8 } from '../../base/compare.ts';
import type { Clock } from '../../base/clock.ts';
import { isFor, scopedSelector } from '../../border/own-policies.ts';
import type { NatTarget, Ruleset } from '../../border/ruleset.ts';
import type { BucketMap } from '../../base/bucket-map.ts';
import type { HappenedEvent } from '../../kubernetes/event-forms.ts';
import { type Portion, type StatusObject, entriesOf, portionOf } from '../../kubernetes/status-part.ts';
import type { StatusWish, StatusWriter } from '../../kubernetes/status-writer.ts';
import type { Selector } from '../../selector/selector.ts';
import { NEVER_READ } from '../unread.ts';
import { groupWords } from './group-words.ts';
import {
  AROUND_NUMBERS,
  ENTRY_NUMBERS,
  type EntryFacts,
  type HeldResource,
  type Problem,
  aroundOf,
  entryOf,
  isUnread,
} from './object-status.ts';
import { type Picture, type Standing, statusObject } from './picture.ts';

const AROUND: Portion = { kind: 'around', list: 'firewalls' };

function entryPortion(firewall: string): Portion {
  return { kind: 'entry', list: 'firewalls', key: 'name', value: firewall };
}

/** One firewall, as objects are held by it. */
interface Holder {
  readonly name: string;
  readonly driver: string;
  readonly standing: Standing;
  readonly ruleset: Ruleset | undefined;
}

/** What is said of policies, groups and translations: which firewalls hold them, and why others do not. */
export class ObjectReports {
  readonly #clock: Clock;
  readonly #writer: Pick<StatusWriter, 'wish' | 'leave' | 'statusOf'>;
  readonly #record: (event: HappenedEvent) => void;
  /** Since which version of the world an object is what it is now. */
  readonly #versions = new Map<ResourceKey, { readonly edit: string; readonly version: number }>();
  /** What each wish was made from; the same again is no wish. */
  readonly #wished = new Map<string, string>();
  /** What each object was refused for last, by object and firewall. */
  readonly #refused = new Map<string, string>();
  readonly #selectors = new WeakMap<HeldResource, Selector>();
  readonly #held = new WeakMap<BucketMap<NatTarget>, number>();

  constructor(
    clock: Clock,
    writer: Pick<StatusWriter, 'wish' | 'leave' | 'statusOf'>,
    record: (event: HappenedEvent) => void,
  ) {
    this.#clock = clock;
    this.#writer = writer;
    this.#record = record;
  }

  /** An object is there, as of a version of the world. */
  put(resource: HeldResource, version: number): void {
    const key = resourceKey(resource);
    const { uid, generation } = resource;
    const edit = generation === undefined ? `version ${version}` : `${uid} ${generation}`;
    if (this.#versions.get(key)?.edit !== edit) this.#versions.set(key, { edit, version });
  }

  delete(key: ResourceKey): void {
    this.#versions.delete(key);
    for (const map of [this.#wished, this.#refused])
      for (const id of map.keys()) if (id === key || id.startsWith(`${key} `)) map.delete(id);
  }

  /** Wishes whatever is to be said otherwise than last time. `problems`: by object. */
  refresh(
    picture: Picture,
    problems: ReadonlyMap<ResourceKey, readonly (Problem & { readonly firewall?: string })[]>,
  ): void {
    const holders = holdersOf(picture);
    const { inventory } = picture.world;
    for (const objects of [
      inventory.clusterBorderPolicies,
      inventory.borderPolicies,
      inventory.addressGroups,
      inventory.sourceNats,
    ])
      for (const object of objects.values())
        this.#report(picture, object, holders, problems.get(resourceKey(object)) ?? []);
  }

  #report(
    picture: Picture,
    resource: HeldResource,
    all: readonly Holder[],
    problems: readonly (Problem & { readonly firewall?: string })[],
  ): void {
    const firewalls = 'spec' in resource ? resource.spec.firewalls : resource.firewalls;
    const holders = all.filter(({ name }) => isFor(firewalls, name)).slice(0, STATUS_LIMITS.firewalls);
    const key = resourceKey(resource);
    const object = statusObject(resource);
    const facts = new Map(
      holders.map((holder) => [holder.name, this.#entryFacts(resource, holder, problems)] as const),
    );
    for (const { name, standing } of holders) {
      const own = facts.get(name);
      if (!standing.holds || own === undefined) {
        this.#leave(`${key} ${name}`, object, entryPortion(name));
        continue;
      }
      this.#wishEntry(picture, key, object, own);
      this.#tell(key, object, own);
    }
    // One copy speaks for the object as a whole: the one that holds the first of its firewalls, else the first of all.
    const lead = holders[0] ?? all[0];
    if (lead !== undefined && !lead.standing.holds) return this.#leave(key, object, AROUND);
    const mayWrite = (): boolean => lead === undefined || (picture.standing(lead.name)?.holds ?? false);
    this.#wishAround(picture, resource, holders, facts, problems, mayWrite);
    this.#clear(key, object, holders, mayWrite);
  }

  #entryFacts(
    resource: HeldResource,
    { name, driver, standing, ruleset }: Holder,
    problems: readonly (Problem & { readonly firewall?: string })[],
  ): EntryFacts {
    return {
      firewall: name,
      generation: resource.generation,
      standing: standing.worker,
      version: this.#versions.get(resourceKey(resource))?.version ?? 0,
      problems: problems.filter(({ firewall }) => firewall === name),
      more: this.#numbers(resource, driver, ruleset),
    };
  }

  #numbers(resource: HeldResource, driver: string, ruleset: Ruleset | undefined): Readonly<Record<string, unknown>> {
    if (ruleset === undefined) return {};
    const key = resourceKey(resource);
    if (resource.type === 'AddressGroup') {
      let addresses = 0;
      for (const group of ruleset.groups.values())
        if (group.kind === 'AddressGroup' && group.resource === key) addresses += group.members.size;
      return { addresses, words: groupWords(driver, resource.deviceName) };
    }
    if (resource.type !== 'SourceNAT') return {};
    let translated = 0;
    let held = 0;
    for (const { origin, sources } of ruleset.nats) {
      if (origin.policy !== key) continue;
      const holding = this.#heldIn(sources);
      held += holding;
      translated += sources.size - holding;
    }
    return { translated, held };
  }

  #heldIn(sources: BucketMap<NatTarget>): number {
    let held = this.#held.get(sources);
    if (held === undefined) {
      held = 0;
      for (const [, { kind }] of sources.entries()) if (kind === 'Hold') held += 1;
      this.#held.set(sources, held);
    }
    return held;
  }

  #wishEntry(picture: Picture, key: ResourceKey, object: StatusObject, facts: EntryFacts): void {
    const { firewall } = facts;
    const mayWrite = (): boolean => picture.standing(firewall)?.holds ?? false;
    const unread = isUnread(facts.standing);
    this.#wish(`${key} ${firewall}`, JSON.stringify([object.uid, unread, entryOf(facts, 0, undefined)]), {
      object,
      portion: entryPortion(firewall),
      slow: ENTRY_NUMBERS,
      mayWrite,
      compose: (before) => entryOf(facts, this.#clock.wall(), before),
    });
  }

  #wishAround(
    picture: Picture,
    resource: HeldResource,
    holders: readonly Holder[],
    facts: ReadonlyMap<string, EntryFacts>,
    problems: readonly (Problem & { readonly firewall?: string })[],
    mayWrite: () => boolean,
  ): void {
    const object = statusObject(resource);
    const status = this.#writer.statusOf(object);
    const own = holders.filter(({ standing }) => standing.holds).map(({ name }) => name);
    const around = {
      generation: resource.generation,
      problems: problems.filter(({ firewall }) => firewall === undefined),
      firewalls: holders.map(({ name }) => name),
      more: {
        // Where no firewall takes it, nobody keeps track of what it selects.
        ...([...facts.values()].every((fact) => isRefused(fact) || fact.standing === NEVER_READ)
          ? {}
          : { workloads: this.#workloads(picture, resource) }),
        ...(resource.type === 'AddressGroup' ? { deviceName: resource.deviceName } : {}),
      },
    };
    const entries = (now: number, seen: ReturnType<StatusWriter['statusOf']>) =>
      new Map(
        own.flatMap((name) => {
          const fact = facts.get(name);
          return fact === undefined ? [] : [[name, entryOf(fact, now, portionOf(seen, entryPortion(name)))] as const];
        }),
      );
    const others = entriesOf(status?.['firewalls']).filter(({ name }) => !own.includes(String(name)));
    const basis = aroundOf({ ...around, own: entries(0, status) }, 0, { firewalls: others });
    this.#wish(resourceKey(resource), JSON.stringify([object.uid, basis]), {
      object,
      portion: AROUND,
      slow: AROUND_NUMBERS,
      mayWrite,
      compose: (before, seen) => {
        const now = this.#clock.wall();
        return aroundOf({ ...around, own: entries(now, seen) }, now, { ...before, firewalls: seen?.['firewalls'] });
      },
    });
  }

  /** Entries of firewalls that are gone, or are not to hold the object any more. */
  #clear(key: ResourceKey, object: StatusObject, holders: readonly Holder[], mayWrite: () => boolean): void {
    for (const { name } of entriesOf(this.#writer.statusOf(object)?.['firewalls'])) {
      if (typeof name !== 'string' || holders.some((holder) => holder.name === name)) continue;
      this.#wish(`${key} ${name}`, `${object.uid} gone`, {
        object,
        portion: entryPortion(name),
        mayWrite,
        compose: () => undefined,
      });
    }
  }

  #leave(id: string, object: StatusObject, portion: Portion): void {
    this.#wished.delete(id);
    this.#writer.leave(object, portion);
  }

  #wish(id: string, basis: string, wish: StatusWish): void {
    if (this.#wished.get(id) === basis) return;
    this.#wished.set(id, basis);
    this.#writer.wish(wish);
  }

  /** An event when a firewall refuses an object for another reason than before. */
  #tell(key: ResourceKey, object: StatusObject, { firewall, problems }: EntryFacts): void {
    const error = problems.find(({ severity }) => severity === 'error');
    const id = `${key} ${firewall}`;
    if (error === undefined) {
      this.#refused.delete(id);
      return;
    }
    const note = `${firewall}: ${error.code}: ${error.message}`;
    if (this.#refused.get(id) === note) return;
    this.#refused.set(id, note);
    this.#record({ object, type: 'Warning', reason: 'Refused', action: 'Translate', note });
  }

  #workloads({ world }: Picture, resource: HeldResource): number {
    let selector = this.#selectors.get(resource);
    if (selector === undefined) {
      selector =
        'spec' in resource
          ? scopedSelector(resource.namespace, resource.spec.selector, resource.spec.namespaceSelector)
          : scopedSelector('', resource.selector, resource.namespaceSelector);
      this.#selectors.set(resource, selector);
    }
    return world.engine.endpointsOf(selector.id).size;
  }
}

function isRefused({ problems }: EntryFacts): boolean {
  return problems.some(({ severity }) => severity === 'error');
}

function holdersOf(picture: Picture): readonly Holder[] {
  const { firewalls, unread } = picture.world;
  const described: { readonly name: string; readonly driver: string; readonly ruleset?: Ruleset | undefined }[] = [];
  for (const { firewall, ruleset } of firewalls.values())
    described.push({ name: firewall.name, driver: firewall.driver, ruleset });
  // One that was never read may hold whatever another copy brought to it.
  for (const { name, settings } of unread.values())
    if (!firewalls.has(name)) described.push({ name, driver: settings.driver });
  return described
    .flatMap(({ name, driver, ruleset }) => {
      const standing = picture.standing(name);
      return standing === undefined ? [] : [{ name, driver, standing, ruleset }];
    })
    .toSorted((a, b) => compareUtf8(a.name, b.name));
}
