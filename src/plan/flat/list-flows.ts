import type { ClassId, Family } from '../../border/ruleset.ts';
import type { Address } from '../../ip/address.ts';
import { FlowSet } from '../../engine/flow-set.ts';
import type { Atoms } from './atoms.ts';
import { type Outcomes, firstMatch } from './first-match.ts';
import type { FlatAction, FlatDestination, FlatList, FlatRule, FlatSource } from './flat-list.ts';

/** One sender of those that rules cannot tell apart. */
export interface Sender {
  readonly address: Address;
  /** Absent: not known. */
  readonly class?: ClassId;
}

/** What a list does to the flows of one kind of sender, as sets: read from the rules alone. */
export class ListReading {
  readonly #list: FlatList;
  readonly #atoms: Atoms;
  readonly #rules = new Map<FlatRule, FlowSet>();
  readonly #classesOf: ReadonlyMap<string, ReadonlySet<ClassId>>;

  /** For rules of one family, that of the atoms. */
  constructor(list: FlatList, atoms: Atoms) {
    this.#list = list;
    this.#atoms = atoms;
    this.#classesOf = new Map([...list.sources].map(([id, classes]) => [id, new Set(classes)]));
  }

  /** What is in neither is left to the device's own rules. */
  of(sender: Sender): Outcomes<'Allow' | 'Deny'> {
    const entries = this.rulesFor(sender)
      .filter((rule) => rule.action !== 'Log')
      .map((rule) => ({ flows: this.#flows(rule), outcome: rule.action as Exclude<FlatAction, 'Log'> }));
    return firstMatch(entries, ['Allow', 'Deny', 'Leave'], sender.address.family);
  }

  rulesFor(sender: Sender): readonly FlatRule[] {
    const { family } = sender.address;
    return this.#list.rules.filter((rule) => rule.family === family && this.#isFor(rule.source, sender));
  }

  #isFor(source: FlatSource, sender: Sender): boolean {
    if (source.kind === 'Source') return this.#has(source.id, sender);
    return source.prefixes.contains(sender.address) && !this.#has(source.except, sender);
  }

  #has(id: string, sender: Sender): boolean {
    return sender.class !== undefined && this.#classesOf.get(id)?.has(sender.class) === true;
  }

  #flows(rule: FlatRule): FlowSet {
    const known = this.#rules.get(rule);
    if (known !== undefined) return known;
    const services =
      rule.services.length === 0
        ? FlowSet.everything(rule.family)
        : rule.services
            .map(({ icmp, ...rest }) =>
              FlowSet.matching(rule.family, { ...rest, ...(icmp === undefined ? {} : { icmpValues: icmp }) }),
            )
            .reduce((all, one) => all.union(one));
    const flows = services.intersect(this.#destination(rule.destination, rule.family));
    this.#rules.set(rule, flows);
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
