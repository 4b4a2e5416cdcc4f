import type { ClassId, Family } from '../../border/ruleset.ts';
import type { Address } from '../../ip/address.ts';
import { FlowSet } from '../../engine/flows/flow-set.ts';
import { EVERY_SERVICE, type ServiceSet, combineServices, serviceMatching } from '../../engine/flows/service-set.ts';
import { UNION } from '../../ip/boundaries.ts';
import type { Atoms } from './atoms.ts';
import { type Outcomes, firstMatch } from './first-match.ts';
import type { FlatAction, FlatDestination, FlatList, FlatRule, FlatSource } from './flat-list.ts';
import type { Slice } from './service-slices.ts';

/** One sender of those that rules cannot tell apart. */
export interface Sender {
  readonly address: Address;
  /** Absent: not known. */
  readonly class?: ClassId;
}

/** What a list does to the flows of one kind of sender, as sets: read from the rules alone, for one slice of services at a time. */
export class ListReading {
  readonly #list: FlatList;
  readonly #atoms: Atoms;
  readonly #destinations = new Map<FlatRule, FlowSet>();
  readonly #services = new Map<FlatRule, ServiceSet>();
  /** Places of rules in the list. */
  readonly #byClass = new Map<ClassId, number[]>();
  readonly #forNetworks: number[] = [];

  /** For rules of one family, that of the atoms. */
  constructor(list: FlatList, atoms: Atoms) {
    this.#list = list;
    this.#atoms = atoms;
    for (const [place, { source }] of list.rules.entries()) {
      if (source.kind === 'Networks') this.#forNetworks.push(place);
      else
        for (const id of new Set(list.sources.get(source.id))) {
          const places = this.#byClass.get(id);
          if (places === undefined) this.#byClass.set(id, [place]);
          else places.push(place);
        }
    }
  }

  /** What is in neither is left to the device's own rules. `rules`: those for the sender, by `rulesFor`. */
  of(rules: readonly FlatRule[], family: Family, slice: Slice): Outcomes<'Allow' | 'Deny'> {
    const entries = rules
      .filter((rule) => rule.action !== 'Log' && slice.in.has(this.services(rule).key))
      .map((rule) => ({ flows: this.#flows(rule), outcome: rule.action as Exclude<FlatAction, 'Log'> }));
    return firstMatch(entries, ['Allow', 'Deny', 'Leave'], family);
  }

  /** In the order of the list. */
  rulesFor(sender: Sender): readonly FlatRule[] {
    const { family } = sender.address;
    const own = sender.class === undefined ? [] : (this.#byClass.get(sender.class) ?? []);
    return [...own, ...this.#forNetworks]
      .filter((place) => {
        const { family: of, source } = this.#list.rules[place] as FlatRule;
        return of === family && (source.kind === 'Source' || this.#isInNetworks(source, sender));
      })
      .toSorted((a, b) => a - b)
      .map((place) => this.#list.rules[place] as FlatRule);
  }

  services(rule: FlatRule): ServiceSet {
    const known = this.#services.get(rule);
    if (known !== undefined) return known;
    const sets = rule.services.map(({ icmp, ...rest }) =>
      serviceMatching(rule.family, { ...rest, ...(icmp === undefined ? {} : { icmpValues: icmp }) }),
    );
    const services = sets.length === 0 ? EVERY_SERVICE : sets.reduce((a, b) => combineServices(a, b, UNION));
    this.#services.set(rule, services);
    return services;
  }

  #isInNetworks(source: Extract<FlatSource, { kind: 'Networks' }>, sender: Sender): boolean {
    const excepted = sender.class !== undefined && this.#list.sources.get(source.except)?.includes(sender.class);
    return source.prefixes.contains(sender.address) && excepted !== true;
  }

  #flows(rule: FlatRule): FlowSet {
    const known = this.#destinations.get(rule);
    if (known !== undefined) return known;
    const flows = this.#destination(rule.destination, rule.family);
    this.#destinations.set(rule, flows);
    return flows;
  }

  #destination({ prefixes, groups, domains }: FlatDestination, family: Family): FlowSet {
    let flows = FlowSet.matching(family, { destination: prefixes.family(family) });
    for (const id of groups) flows = flows.union(this.#group(id, family));
    return domains.length === 0 ? flows : flows.union(this.#atoms.domains(domains));
  }

  #group(id: string, family: Family): FlowSet {
    const group = this.#list.groups.get(id);
    if (group === undefined || group.family !== family) return FlowSet.nothing(family);
    let flows = this.#atoms.governed;
    if (group.nets !== undefined)
      flows = flows.intersect(FlowSet.matching(family, { destination: group.nets.family(family) }));
    for (const each of group.all) flows = flows.intersect(this.#atoms.group(each));
    for (const each of group.none) flows = flows.subtract(this.#atoms.group(each));
    return flows;
  }
}
