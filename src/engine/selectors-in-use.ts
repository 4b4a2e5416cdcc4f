import type { Policy, Rule } from '../inventory/model.ts';
import type { Selector } from '../selector/selector.ts';
import type { LabelIndex } from './label-index.ts';

/** A selector in an index, and by how many it is used there. */
interface Use {
  readonly selector: Selector;
  count: number;
}

/** The selectors that an index holds, each once, however many use it. */
export class SelectorsInUse {
  readonly #index: LabelIndex;
  readonly #uses = new Map<string, Use>();

  constructor(index: LabelIndex) {
    this.#index = index;
  }

  has(selectorId: string): boolean {
    return this.#uses.has(selectorId);
  }

  add(selector: Selector): void {
    const use = this.#uses.get(selector.id);
    if (use !== undefined) {
      use.count++;
      return;
    }
    this.#uses.set(selector.id, { selector, count: 1 });
    this.#index.setSelector(selector.id, selector);
  }

  /** Ends one use; what was never added is nothing. */
  remove(selector: Selector): void {
    const use = this.#uses.get(selector.id);
    if (use === undefined) return;
    use.count--;
    if (use.count > 0) return;
    this.#uses.delete(selector.id);
    this.#index.deleteSelector(selector.id);
  }
}

/** The selectors of a policy's rules, on either side; some more than once. */
export function ruleSelectors({ ingress, egress }: Policy): readonly Selector[] {
  const found: Selector[] = [];
  for (const rules of [ingress, egress])
    for (const { source, destination } of rules ?? NO_RULES)
      for (const { selector, notSelector } of [source, destination]) {
        if (selector !== undefined) found.push(selector);
        if (notSelector !== undefined) found.push(notSelector);
      }
  return found;
}

const NO_RULES: readonly Rule[] = [];
