import type { RuleSide } from '../../inventory/model.ts';
import type { Selector } from '../../selector/selector.ts';

export type SideName = 'source' | 'destination';

/** What one side of a rule asks of an address. Sides that ask the same share one. */
export interface SideCondition {
  readonly side: RuleSide;
  readonly name: SideName;
  /** Whether domains count: those of the rule and of the network sets that it selects. They are about where a flow goes out to. */
  readonly domains: boolean;
}

/** The conditions of some rules, each by its number. */
export class SideConditions {
  readonly #numbers = new Map<string, number>();
  readonly #all: SideCondition[] = [];

  get all(): readonly SideCondition[] {
    return this.#all;
  }

  /** `undefined` for a side that asks nothing. */
  number(side: RuleSide, name: SideName, direction: 'ingress' | 'egress'): number | undefined {
    if (asksNothing(side)) return undefined;
    const domains = direction === 'egress' && name === 'destination';
    const key = keyOf(side, name, domains);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#all.push({ side, name, domains }) - 1;
      this.#numbers.set(key, number);
    }
    return number;
  }
}

function asksNothing({ domains, ...parts }: RuleSide): boolean {
  return domains.length === 0 && Object.values(parts).every((part) => part === undefined);
}

function keyOf(side: RuleSide, name: SideName, domains: boolean): string {
  const ports = (list: RuleSide['ports']) => list && [list.numbers.toString(), ...list.names];
  const { nets, notNets, selector, notSelector, services } = side;
  return JSON.stringify([
    name,
    domains,
    nets?.toString(),
    notNets?.toString(),
    selector?.canonical,
    notSelector?.canonical,
    ports(side.ports),
    ports(side.notPorts),
    services && [services.namespace, services.name],
    side.domains,
  ]);
}

/** Every selector that conditions ask. */
export function selectorsOf(conditions: Iterable<SideCondition>): readonly Selector[] {
  return Array.from(conditions).flatMap(({ side }) =>
    [side.selector, side.notSelector].filter((selector) => selector !== undefined),
  );
}
