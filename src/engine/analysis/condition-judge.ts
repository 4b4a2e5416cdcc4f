import type { RuleSide } from '../../inventory/model.ts';
import { serviceName } from '../../inventory/service-slice.ts';
import type { Family } from '../../ip/address.ts';
import { PortSet } from '../../ip/port-set.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';
import type { Selector } from '../../selector/selector.ts';
import type { Engine } from '../engine.ts';
import type { Mark } from './address-marks.ts';
import type { EndpointClasses } from './endpoint-classes.ts';
import { EVERY_SERVICES, NO_SERVICES, type ServiceAlgebra, type ServiceId } from './service-algebra.ts';
import type { SideCondition, SideName } from './side-conditions.ts';

/** Whom a selector selects: classes of endpoints, and network sets by the places of their nets. */
interface Selected {
  readonly classes: ReadonlySet<number>;
  readonly places: ReadonlySet<number>;
  /** Of the network sets, where domains count. */
  readonly domains: readonly string[];
}

/** A condition with what it names found out. Sets of addresses by their places. */
interface Prepared {
  readonly number: number;
  readonly name: SideName;
  readonly side: RuleSide;
  readonly domains: boolean;
  readonly nets?: number;
  /** `none`: the list has no net of the family, so the rule does not exist for it (semantics 5.4). */
  readonly notNets?: number | 'none';
  readonly selector?: Selected;
  readonly notSelector?: Selected;
  /** Places of what is behind a service, with what is served there. */
  readonly services?: readonly { readonly place: number; readonly services: ServiceId }[];
}

/** What conditions say to addresses, given who has them and which sets hold them. */
export class ConditionJudge {
  readonly #engine: Engine;
  readonly #family: Family;
  readonly #algebra: ServiceAlgebra;
  readonly #classes: EndpointClasses;
  readonly #sets: PrefixSet[] = [];
  readonly #places = new Map<string, number>();
  readonly #selected = new Map<string, Selected>();
  readonly #ports = new Map<string, ServiceId>();
  /** Which conditions may leave something at an address: by class, by place of a set that holds it, and whatever it is. */
  readonly #byClass = new Map<number, Prepared[]>();
  readonly #byPlace = new Map<number, Prepared[]>();
  readonly #always: Prepared[] = [];

  constructor(
    engine: Engine,
    family: Family,
    algebra: ServiceAlgebra,
    classes: EndpointClasses,
    conditions: readonly SideCondition[],
  ) {
    this.#engine = engine;
    this.#family = family;
    this.#algebra = algebra;
    this.#classes = classes;
    for (const [number, condition] of conditions.entries()) this.#file(this.#prepare(number, condition));
  }

  /** The sets of addresses that conditions ask about. */
  get sets(): readonly PrefixSet[] {
    return this.#sets;
  }

  /** What each condition leaves at an address with holders of these classes that lies in the sets of the mark; nothing is not written. */
  values(classes: readonly number[], mark: Mark): ReadonlyMap<number, ServiceId> {
    const places = new Set(mark);
    const values: [number, ServiceId][] = [];
    const asked = new Set<number>();
    const ask = (conditions: readonly Prepared[] | undefined): void => {
      for (const condition of conditions ?? []) {
        if (asked.has(condition.number)) continue;
        asked.add(condition.number);
        const value = this.#value(condition, classes, places);
        if (value !== NO_SERVICES) values.push([condition.number, value]);
      }
    };
    ask(this.#always);
    for (const number of classes) ask(this.#byClass.get(number));
    for (const place of mark) ask(this.#byPlace.get(place));
    return new Map(values.sort(([a], [b]) => a - b));
  }

  #value(condition: Prepared, classes: readonly number[], places: ReadonlySet<number>): ServiceId {
    const algebra = this.#algebra;
    const { side, nets, notNets, selector, notSelector, services } = condition;
    if (nets !== undefined && !places.has(nets)) return NO_SERVICES;
    if (notNets !== undefined && (notNets === 'none' || places.has(notNets))) return NO_SERVICES;
    let value: ServiceId = EVERY_SERVICES;
    if (selector !== undefined && !isSelected(selector, classes, places)) {
      if (selector.domains.length === 0) return NO_SERVICES;
      value = algebra.matching({ domains: selector.domains });
    }
    if (notSelector !== undefined) {
      if (isSelected(notSelector, classes, places)) return NO_SERVICES;
      if (notSelector.domains.length > 0)
        value = algebra.subtract(value, algebra.matching({ domains: notSelector.domains }));
    }
    if (side.domains.length > 0) {
      if (!condition.domains) return NO_SERVICES;
      value = algebra.intersect(value, algebra.matching({ domains: side.domains }));
    }
    if (services !== undefined) {
      let served = NO_SERVICES;
      for (const each of services) if (places.has(each.place)) served = algebra.union(served, each.services);
      value = algebra.intersect(value, served);
    }
    if (side.ports !== undefined) value = algebra.intersect(value, this.#portsOf(condition, side.ports, classes));
    if (side.notPorts !== undefined) value = algebra.subtract(value, this.#portsOf(condition, side.notPorts, classes));
    return value;
  }

  /** A name stands for the ports of that name of the holders, of those that the side selects where it selects (semantics 5.1 to 5.3). */
  #portsOf(
    { name, selector }: Prepared,
    { numbers, names }: NonNullable<RuleSide['ports']>,
    classes: readonly number[],
  ): ServiceId {
    const named = classes
      .filter((number) => selector === undefined || selector.classes.has(number))
      .flatMap((number) => this.#classes.classes[number]?.ports ?? [])
      .filter((port) => names.includes(port.name));
    const key = JSON.stringify([name, numbers.toString(), named.map(({ protocol, port }) => [protocol, port])]);
    let result = this.#ports.get(key);
    if (result === undefined) {
      const field = name === 'source' ? 'sourcePorts' : 'ports';
      result = this.#algebra.matching({ [field]: numbers });
      for (const { protocol, port } of named)
        result = this.#algebra.union(result, this.#algebra.matching({ protocol, [field]: PortSet.of(port) }));
      this.#ports.set(key, result);
    }
    return result;
  }

  #file(condition: Prepared): void {
    const { selector, nets } = condition;
    if (selector !== undefined && selector.domains.length === 0) {
      for (const number of selector.classes) push(this.#byClass, number, condition);
      for (const place of selector.places) push(this.#byPlace, place, condition);
    } else if (nets !== undefined) push(this.#byPlace, nets, condition);
    else this.#always.push(condition);
  }

  #prepare(number: number, { side, name, domains }: SideCondition): Prepared {
    const { nets, notNets, selector, notSelector, services } = side;
    return {
      number,
      name,
      side,
      domains,
      ...(nets === undefined ? {} : { nets: this.#place(nets) }),
      ...(notNets === undefined
        ? {}
        : { notNets: notNets.first(this.#family) === undefined ? 'none' : this.#place(notNets) }),
      ...(selector === undefined ? {} : { selector: this.#select(selector, domains) }),
      ...(notSelector === undefined ? {} : { notSelector: this.#select(notSelector, domains) }),
      ...(services === undefined ? {} : { services: this.#behind(serviceName(services), name) }),
    };
  }

  #place(set: PrefixSet): number {
    const key = set.toString();
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#sets.push(set) - 1;
      this.#places.set(key, place);
    }
    return place;
  }

  #select(selector: Selector, domains: boolean): Selected {
    const key = `${domains} ${selector.canonical}`;
    let selected = this.#selected.get(key);
    if (selected === undefined) {
      const { classes, sets } = this.#classes.selectedBy(selector);
      const found = [...sets].flatMap((id) => this.#engine.networkSets.get(id) ?? []);
      selected = {
        classes,
        places: new Set(found.map(({ nets }) => this.#place(nets))),
        domains: domains ? [...new Set(found.flatMap((set) => set.domains))].sort() : [],
      };
      this.#selected.set(key, selected);
    }
    return selected;
  }

  /** A source is matched by its address alone, a destination by what it serves (semantics 11.2). */
  #behind(service: string, name: SideName): NonNullable<Prepared['services']> {
    const { addresses, ports } = this.#engine.backendsOf(service);
    if (name === 'source') return [{ place: this.#place(addresses), services: EVERY_SERVICES }];
    return ports.map((served) => ({
      place: this.#place(served.addresses),
      services: this.#algebra.matching({ protocol: served.protocol, ports: PortSet.of(served.port) }),
    }));
  }
}

function isSelected(by: Selected, classes: readonly number[], places: ReadonlySet<number>): boolean {
  if (classes.some((number) => by.classes.has(number))) return true;
  for (const place of by.places) if (places.has(place)) return true;
  return false;
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
