import type { Family } from '../ip/address.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Selector } from '../selector/selector.ts';
import type { Facts } from './facts.ts';
import { type Ids, signature } from './ids.ts';
import type { Group, GroupId } from './ruleset.ts';

type OutsideGroup = Extract<Group, { kind: 'Outside' }>;

interface Known {
  readonly selector: Selector;
  readonly groups: Readonly<Record<Family, OutsideGroup>>;
  readonly domains: readonly string[];
}

/**
 * The groups behind selectors over network sets: one for each effective selector and family, the same at every firewall. Rules name
 * groups by id, so what is in them can change while every rule stays.
 */
export class OutsideGroups {
  readonly #facts: Pick<Facts, 'outsideOf'>;
  readonly #ids: Ids;
  readonly #byId = new Map<GroupId, OutsideGroup>();
  readonly #bySelector = new Map<string, Known>();

  constructor(facts: Pick<Facts, 'outsideOf'>, ids: Ids) {
    this.#facts = facts;
    this.#ids = ids;
  }

  of(
    selector: Selector,
    family: Family,
  ): { readonly id: GroupId; readonly nets: PrefixSet; readonly domains: readonly string[] } {
    const { groups, domains } = this.#bySelector.get(selector.id) ?? this.#read(selector);
    return { id: groups[family].id, nets: groups[family].nets, domains };
  }

  /** A group that `of` has named. */
  get(id: GroupId): Group | undefined {
    return this.#byId.get(id);
  }

  /** Reads the content of selectors again. False: some of them have other domains now, and domains stand in rules. */
  refresh(selectorIds: Iterable<string>): boolean {
    for (const id of selectorIds) {
      const before = this.#bySelector.get(id);
      if (before === undefined) continue;
      const now = this.#read(before.selector);
      if (now.domains.join('\n') !== before.domains.join('\n')) return false;
    }
    return true;
  }

  #read(selector: Selector): Known {
    const { nets, domains } = this.#facts.outsideOf(selector);
    const group = (family: Family): OutsideGroup => ({
      id: this.#ids.of('g', signature('outside', selector.canonical, family)),
      kind: 'Outside',
      family,
      selector: selector.canonical,
      nets: nets.family(family),
    });
    const known: Known = { selector, groups: { 4: group(4), 6: group(6) }, domains };
    this.#bySelector.set(selector.id, known);
    for (const each of Object.values(known.groups)) this.#byId.set(each.id, each);
    return known;
  }
}
