import { assertNever } from '../base/error.ts';
import { compile } from '../selector/matcher.ts';
import type { ConditionNode, LeafNode, SelectorNode } from '../selector/node.ts';
import { type Bound, restrictionsOf } from '../selector/restrictions.ts';
import { EVERYTHING, type Terms } from './label-index-terms.ts';

const ALWAYS = 0;
const PRESENT = 1;
const IS = 2;
const IS_NOT = 3;
const IS_IN = 4;
const IS_NOT_IN = 5;
const TEXT = 6;

/** One leaf in interned form. */
interface Test {
  readonly code: number;
  readonly key: number;
  readonly term: number;
  readonly terms: ReadonlySet<number>;
  readonly textMatches: (value: string) => boolean;
}

/** A selector over interned labels: the program of the selector's matcher with integers for labels. */
export class Condition {
  readonly #terms: Terms;
  readonly #start: number;
  readonly #tests: readonly Test[];
  readonly #whenTrue: readonly number[];
  readonly #whenFalse: readonly number[];
  readonly #used: number[] = [];
  /** Where the selector can be filed: lists of terms of which every match has at least one. Never empty; an empty list: no match ever. */
  readonly filings: readonly (readonly number[])[];

  constructor(node: SelectorNode, terms: Terms) {
    this.#terms = terms;
    const { start, leaves, whenTrue, whenFalse } = compile(node);
    this.#start = start;
    this.#whenTrue = whenTrue;
    this.#whenFalse = whenFalse;
    this.#tests = leaves.map((leaf) => this.#intern(leaf));
    for (const { key } of this.#tests) terms.mention(key, 1);
    this.filings = this.#filings(node);
  }

  /** Whether it holds for labels given as terms by key, 0 where absent. */
  holds(labels: Int32Array): boolean {
    const tests = this.#tests;
    let at = this.#start;
    while (at >= 0) at = (this.#passes(tests[at] as Test, labels) ? this.#whenTrue[at] : this.#whenFalse[at]) as number;
    return at === -1;
  }

  /** Gives back the terms it uses; it must not be asked afterwards. */
  release(): void {
    for (const { key } of this.#tests) this.#terms.mention(key, -1);
    for (const term of this.#used) this.#terms.release(term);
  }

  #passes(test: Test, labels: Int32Array): boolean {
    const term = labels[test.key] as number;
    switch (test.code) {
      case ALWAYS:
        return true;
      case PRESENT:
        return term !== 0;
      case IS:
        return term === test.term;
      case IS_NOT:
        return term !== test.term;
      case IS_IN:
        return term !== 0 && test.terms.has(term);
      case IS_NOT_IN:
        return term === 0 || !test.terms.has(term);
      default:
        return term !== 0 && test.textMatches(this.#terms.valueOf(term));
    }
  }

  #intern(leaf: LeafNode): Test {
    const test: Test = { code: ALWAYS, key: 0, term: 0, terms: new Set(), textMatches: () => true };
    if (leaf.kind === 'all' || leaf.kind === 'global') return test;
    return { ...test, key: this.#terms.keyOf(this.#presence(leaf.key)), ...this.#operation(leaf) };
  }

  #operation(leaf: ConditionNode): Partial<Test> & { readonly code: number } {
    switch (leaf.kind) {
      case 'has':
        return { code: PRESENT };
      case 'equal':
        return { code: IS, term: this.#term(leaf.key, leaf.value) };
      case 'notEqual':
        return { code: IS_NOT, term: this.#term(leaf.key, leaf.value) };
      case 'in':
        return { code: IS_IN, terms: new Set(leaf.values.map((value) => this.#term(leaf.key, value))) };
      case 'notIn':
        return { code: IS_NOT_IN, terms: new Set(leaf.values.map((value) => this.#term(leaf.key, value))) };
      case 'contains':
        return { code: TEXT, textMatches: (value) => value.includes(leaf.value) };
      case 'startsWith':
        return { code: TEXT, textMatches: (value) => value.startsWith(leaf.value) };
      case 'endsWith':
        return { code: TEXT, textMatches: (value) => value.endsWith(leaf.value) };
      default:
        return assertNever(leaf);
    }
  }

  #filings(node: SelectorNode): readonly (readonly number[])[] {
    const restrictions = restrictionsOf(node);
    if (!restrictions.satisfiable) return [[]];
    const filings: number[][] = [];
    for (const [name, bound] of restrictions.bounds) {
      const terms = this.#filing(name, bound);
      if (terms !== undefined) filings.push(terms);
    }
    return filings.length === 0 ? [[EVERYTHING]] : filings;
  }

  #filing(name: string, bound: Bound): number[] | undefined {
    if (bound.kind === 'oneOf') return [...bound.values].map((value) => this.#term(name, value));
    return bound.kind === 'present' ? [this.#presence(name)] : undefined;
  }

  #term(name: string, value: string): number {
    const term = this.#terms.acquire(name, value);
    this.#used.push(term);
    return term;
  }

  #presence(name: string): number {
    const term = this.#terms.acquirePresence(name);
    this.#used.push(term);
    return term;
  }
}
