import type { Endpoint, EndpointId, NamedPort, ProfileRules } from '../../inventory/model.ts';
import { effectiveLabels } from '../../inventory/labels.ts';
import { fold } from '../../selector/node.ts';
import type { Selector } from '../../selector/selector.ts';
import type { Engine } from '../engine.ts';
import { listsMet } from '../host-endpoints.ts';
import { LabelIndex } from '../label-index/label-index.ts';
import { type Direction, type TierPolicies, isSubject } from '../selected-policies.ts';

/** Endpoints that no selector, named port or profile in use tells apart. */
export interface EndpointClass {
  /** Any of them: policies apply to all alike. */
  readonly representative: Endpoint;
  /** What its profiles decide after the last tier, in order; those without rules left out. */
  readonly profiles: readonly ProfileRules[];
  /** Those whose names are in use. */
  readonly ports: readonly NamedPort[];
}

/** The endpoints that cluster policy is about, by class, and who of them and of the network sets is selected by what. */
export class EndpointClasses {
  readonly classes: readonly EndpointClass[];
  readonly #ofEndpoint = new Map<EndpointId, number>();
  readonly #index = new LabelIndex();
  readonly #known = new Set<string>();
  readonly #engine: Engine;
  readonly #tiers: Readonly<Record<Direction, (readonly TierPolicies[])[]>> = { ingress: [], egress: [] };
  readonly #policyKeys: string[] = [];
  readonly #profiles = new Map<ProfileRules, number>();

  /** For these selectors and names of ports and no others; those of policies' own scopes have to be among them. */
  constructor(engine: Engine, selectors: Iterable<Selector>, portNames: ReadonlySet<string>) {
    this.#engine = engine;
    const keys = labelKeys(selectors);
    const numbers = new Map<string, number>();
    const classes: EndpointClass[] = [];
    for (const endpoint of engine.endpoints.values()) {
      if (!isSubject(endpoint) || endpoint.addresses.length === 0) continue;
      const labels = restricted(engine.labelsOf(endpoint), keys);
      const ports = endpoint.ports.filter(({ name }) => portNames.has(name));
      const profiles = endpoint.parents.map((id) => engine.profile(id)).filter(hasRules);
      const key = JSON.stringify([endpoint.kind, this.#numbersOf(profiles), [...labels], ports]);
      let number = numbers.get(key);
      if (number === undefined) {
        number = classes.push({ representative: endpoint, profiles, ports }) - 1;
        numbers.set(key, number);
        this.#index.setEndpoint(`${number}`, { labels, nets: [], ports: [], parents: [] });
      }
      this.#ofEndpoint.set(endpoint.id, number);
    }
    this.classes = classes;
    for (const set of engine.networkSets.values()) {
      const labels = restricted(effectiveLabels(set, engine.parents), keys);
      this.#index.setEndpoint(set.id, { labels, nets: [], ports: [], parents: [] });
    }
  }

  /** The class of an endpoint with an address, by its place in `classes`. */
  classOf(endpoint: EndpointId): number | undefined {
    return this.#ofEndpoint.get(endpoint);
  }

  /** Tiers and policies that the traffic of the endpoints of a class meets, in order. */
  tiersOf(number: number, direction: Direction): readonly TierPolicies[] {
    const known = this.#tiers[direction][number];
    if (known !== undefined) return known;
    const representative = this.classes[number]?.representative;
    const tiers =
      representative === undefined
        ? []
        : listsMet(representative, direction).flatMap((list) => this.#engine.tiersOf(representative.id, list));
    this.#tiers[direction][number] = tiers;
    return tiers;
  }

  /** Classes with equal texts have the same policies, in the same order, and the same word of their profiles. */
  policyKey(number: number): string {
    let key = this.#policyKeys[number];
    if (key === undefined) {
      const lists = (['ingress', 'egress'] as const).map((direction) =>
        this.tiersOf(number, direction).map(({ tier, [direction]: policies }) => [
          tier.name,
          tier.defaultAction,
          policies.map(({ id }) => id),
        ]),
      );
      key = JSON.stringify([this.#numbersOf(this.classes[number]?.profiles ?? []), lists]);
      this.#policyKeys[number] = key;
    }
    return key;
  }

  /** Classes, by number, and network sets, by id, that a selector selects. */
  selectedBy(selector: Selector): { readonly classes: ReadonlySet<number>; readonly sets: ReadonlySet<string> } {
    if (!this.#known.has(selector.canonical)) {
      this.#known.add(selector.canonical);
      this.#index.setSelector(selector.canonical, selector);
    }
    const classes = new Set<number>();
    const sets = new Set<string>();
    for (const id of this.#index.endpointsOf(selector.canonical)) {
      // A network set's id begins with its kind.
      if (/^\d/.test(id)) classes.add(Number(id));
      else sets.add(id);
    }
    return { classes, sets };
  }

  /** Namespaces share the rules of their profiles, so that these tell nobody apart. */
  #numbersOf(profiles: readonly ProfileRules[]): readonly number[] {
    return profiles.map((rules) => {
      const number = this.#profiles.get(rules) ?? this.#profiles.size;
      this.#profiles.set(rules, number);
      return number;
    });
  }
}

function hasRules({ ingress, egress }: ProfileRules): boolean {
  return ingress.length + egress.length > 0;
}

function labelKeys(selectors: Iterable<Selector>): readonly string[] {
  const keys = new Set<string>();
  const seen = new Set<string>();
  for (const selector of selectors) {
    if (seen.has(selector.canonical)) continue;
    seen.add(selector.canonical);
    fold<void>(selector.node, {
      leaf: (leaf) => {
        if ('key' in leaf) keys.add(leaf.key);
      },
      not: () => undefined,
      join: () => undefined,
    });
  }
  return [...keys].sort();
}

function restricted(labels: ReadonlyMap<string, string>, keys: readonly string[]): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const key of keys) {
    const value = labels.get(key);
    if (value !== undefined) result.set(key, value);
  }
  return result;
}
