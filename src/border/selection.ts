import type { BorderFirewall } from '../api/resource.ts';
import { type Pieces, each } from '../base/pieces.ts';
import { workloadSelector } from '../inventory/effective-selector.ts';
import type { Selector } from '../selector/selector.ts';
import type { Entry } from './entry.ts';
import type { CompiledGroup } from './frame.ts';
import type { CompiledNat } from './source-nat.ts';

/** What one firewall uses selectors for. */
export interface SelectingFirewall {
  readonly firewall: BorderFirewall;
  readonly entries: readonly Entry[];
  readonly nats: readonly CompiledNat[];
  readonly groups: readonly CompiledGroup[];
}

/** What a selector is for at one firewall. */
interface Use {
  readonly kind: 'workloads' | 'policies' | 'nats' | 'groups';
  readonly firewall: string;
  readonly index: number;
}

/** What selects a workload at one firewall, by index; each list ascends. */
export interface Selected {
  readonly policies: readonly number[];
  readonly nats: readonly number[];
  readonly groups: readonly number[];
}

/** All that selects a workload. */
export interface Selection {
  /** Firewalls whose `workloads` take it, in the order of the frames. */
  readonly takers: readonly string[];
  readonly byFirewall: ReadonlyMap<string, Selected>;
}

/** Which selectors are used for what: from the ids that match a workload to the policies, translations and groups that select it. */
export class Selections {
  /** By id; to be registered with the engine. */
  readonly selectors = new Map<string, Selector>();
  readonly #uses: Use[] = [];
  readonly #bySelector = new Map<string, number[]>();

  static *of(firewalls: Iterable<SelectingFirewall>): Pieces<Selections> {
    const selections = new Selections();
    for (const { firewall, entries, nats, groups } of firewalls) {
      const { name } = firewall;
      const { selector, namespaceSelector } = firewall.workloads;
      const taking = workloadSelector('', { selector, namespaceSelector });
      selections.#add(taking, { kind: 'workloads', firewall: name, index: 0 });
      let index = 0;
      yield* each(entries, (entry) => {
        selections.#add(entry.selector, { kind: 'policies', firewall: name, index: index++ });
        for (const { source } of entry.rules)
          for (const one of [source?.selector, source?.notSelector])
            if (one !== undefined) selections.selectors.set(one.id, one);
      });
      for (const [n, nat] of nats.entries()) selections.#add(nat.selector, { kind: 'nats', firewall: name, index: n });
      for (const [n, group] of groups.entries())
        selections.#add(group.selector, { kind: 'groups', firewall: name, index: n });
    }
    return selections;
  }

  #add(selector: Selector, use: Use): void {
    this.selectors.set(selector.id, selector);
    const number = this.#uses.push(use) - 1;
    const numbers = this.#bySelector.get(selector.id);
    if (numbers === undefined) this.#bySelector.set(selector.id, [number]);
    else numbers.push(number);
  }

  /** Everything that the matching selectors are used for, as ascending numbers: workloads with the same ones are selected alike. */
  numbers(matching: ReadonlySet<string>): number[] {
    const found: number[] = [];
    for (const id of matching) {
      const numbers = this.#bySelector.get(id);
      if (numbers !== undefined) for (const number of numbers) found.push(number);
    }
    return found.sort((a, b) => a - b);
  }

  of(numbers: readonly number[]): Selection {
    const takers: string[] = [];
    const byFirewall = new Map<string, { policies: number[]; nats: number[]; groups: number[] }>();
    for (const number of numbers) {
      const use = this.#uses[number];
      if (use === undefined) continue;
      const { kind, firewall, index } = use;
      if (kind === 'workloads') {
        takers.push(firewall);
        continue;
      }
      const here = byFirewall.get(firewall) ?? { policies: [], nats: [], groups: [] };
      here[kind].push(index);
      byFirewall.set(firewall, here);
    }
    return { takers, byFirewall };
  }
}
