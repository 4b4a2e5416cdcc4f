import type { FlowSet } from '../engine/flows/flow-set.ts';
import type { TranslationBehaviour } from './behaviour.ts';

/** Gives equal flow sets equal numbers. Translations of one firewall have few distinct ones. */
export class Interner {
  readonly #numbers = new WeakMap<FlowSet, number>();
  readonly #known: FlowSet[] = [];

  numberOf(flows: FlowSet): number {
    const seen = this.#numbers.get(flows);
    if (seen !== undefined) return seen;
    let at = this.#known.findIndex((other) => other.equals(flows));
    if (at < 0) at = this.#known.push(flows) - 1;
    this.#numbers.set(flows, at);
    return at;
  }
}

/** What a list of translations means, as texts that are equal for equal meanings. */
export interface TranslationKey {
  /** What it holds back: empty when it holds nothing. */
  readonly held: string;
  readonly whole: string;
}

const NONE: TranslationKey = { held: '', whole: '' };

export function translationKey(list: readonly TranslationBehaviour[], interner: Interner): TranslationKey {
  if (list.length === 0) return NONE;
  const numbers = list.map(({ flows }) => interner.numberOf(flows));
  const lastHold = list.findLastIndex(({ to }) => to.kind === 'Hold');
  const held = list.slice(0, lastHold + 1).map(({ to }, at) => `${numbers[at]}${to.kind === 'Hold' ? 'h' : ''}`);
  const whole = list.map(({ to }, at) => `${numbers[at]}${to.kind === 'Address' ? to.address : to.kind}`);
  return { held: held.join(','), whole: whole.join(',') };
}
