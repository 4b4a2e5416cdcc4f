import type { Family } from '../ip/address.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Selector } from '../selector/selector.ts';
import type { Facts } from './facts.ts';
import { type Ids, signature } from './ids.ts';
import type { Group, GroupId } from './ruleset.ts';

type OutsideGroup = Extract<Group, { kind: 'Outside' }>;

/**
 * The groups behind selectors over network sets: one for each effective selector and family, the same at every firewall. What is in them
 * is read once; a new table is made when network sets change.
 */
export class OutsideGroups {
  readonly #facts: Pick<Facts, 'outsideOf'>;
  readonly #ids: Ids;
  readonly #byId = new Map<GroupId, OutsideGroup>();
  readonly #bySelector = new Map<
    string,
    { readonly groups: Readonly<Record<Family, OutsideGroup>>; readonly domains: readonly string[] }
  >();

  constructor(facts: Pick<Facts, 'outsideOf'>, ids: Ids) {
    this.#facts = facts;
    this.#ids = ids;
  }

  of(
    selector: Selector,
    family: Family,
  ): { readonly id: GroupId; readonly nets: PrefixSet; readonly domains: readonly string[] } {
    const { groups, domains } = this.#entry(selector);
    return { id: groups[family].id, nets: groups[family].nets, domains };
  }

  /** A group that `of` has named. */
  get(id: GroupId): Group | undefined {
    return this.#byId.get(id);
  }

  #entry(selector: Selector) {
    let known = this.#bySelector.get(selector.canonical);
    if (known === undefined) {
      const { nets, domains } = this.#facts.outsideOf(selector);
      const group = (family: Family): OutsideGroup => ({
        id: this.#ids.of('g', signature('outside', selector.canonical, family)),
        kind: 'Outside',
        family,
        selector: selector.canonical,
        nets: nets.family(family),
      });
      known = { groups: { 4: group(4), 6: group(6) }, domains };
      this.#bySelector.set(selector.canonical, known);
      for (const each of Object.values(known.groups)) this.#byId.set(each.id, each);
    }
    return known;
  }
}
