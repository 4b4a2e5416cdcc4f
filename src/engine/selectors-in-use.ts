import { type Pieces, atOnce } from '../base/pieces.ts';
import type { Policy, Rule } from '../inventory/model.ts';
import type { Selector } from '../selector/selector.ts';
import type { LabelIndex } from './label-index/label-index.ts';

/** The selectors that an index holds, each once, however many use it. */
export class SelectorsInUse {
  readonly #index: LabelIndex;
  /** How many use each, by its id. */
  readonly #uses = new Map<string, number>();

  constructor(index: LabelIndex) {
    this.#index = index;
  }

  add(selector: Selector): void {
    atOnce(this.adding(selector));
  }

  *adding(selector: Selector): Pieces {
    const { id } = selector;
    const uses = this.#uses.get(id) ?? 0;
    this.#uses.set(id, uses + 1);
    if (uses === 0) yield* this.#index.settingSelector(id, selector);
  }

  /** Ends one use; what was never added is nothing. */
  remove(selector: Selector): void {
    atOnce(this.removing(selector));
  }

  *removing({ id }: Selector): Pieces {
    const uses = this.#uses.get(id) ?? 0;
    if (uses > 1) this.#uses.set(id, uses - 1);
    else if (this.#uses.delete(id)) yield* this.#index.deletingSelector(id);
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
