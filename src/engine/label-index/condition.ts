import { assertNever } from '../../base/error.ts';
import { compile } from '../../selector/matcher.ts';
import type { LeafNode, SelectorNode } from '../../selector/node.ts';
import { type Bound, restrictionsOf } from '../../selector/restrictions.ts';
import { IntegerLists } from './lists.ts';
import { EVERYTHING, type Terms } from './terms.ts';

/**
 * A test compares the label of a key with a term, 0 meaning absent, and goes on with another test of the condition or to its end. Below
 * zero, the term is the number of a test on the text of the value.
 */
const KEY = 0;
const TERM = 1;
const WHEN_EQUAL = 2;
const WHEN_OTHER = 3;
const STRIDE = 4;

const TRUE = -1;
const FALSE = -2;

/** A key that no label has: it equals "absent" always. */
const NO_KEY = 0;

/** Where a selector can be filed: lists of terms of which every match has at least one. Never empty; an empty list: no match ever. */
export type Filings = readonly (readonly number[])[];

/**
 * Selectors over interned labels, known by small integers: the program of the selector's matcher, with integers for labels, all side by
 * side in memory.
 */
export class Conditions {
  readonly #terms: Terms;
  readonly #programs = new IntegerLists();
  readonly #filings: (Filings | undefined)[] = [];
  /** Lists of one term, by the term: hundreds of thousands of selectors are filed under the same few. */
  readonly #alone: (readonly number[])[] = [];
  /** Terms that conditions use beside those of their programs. */
  readonly #besides = new Map<number, readonly number[]>();
  /** Tests on the text of a value, by number from 1. */
  readonly #texts: ((value: string) => boolean)[] = [() => true];
  readonly #freeTexts: number[] = [];

  constructor(terms: Terms) {
    this.#terms = terms;
  }

  /** The condition must not be there. */
  add(condition: number, node: SelectorNode): void {
    const writer = new Writer(this.#terms, (test) => this.#addText(test));
    const { words, filings } = writer.write(node);
    for (let at = 0; at < words.length; at++) {
      const word = words[at] as number;
      if (at % STRIDE === KEY && word !== NO_KEY) this.#terms.mention(word, 1);
      this.#programs.push(condition, word);
    }
    this.#filings[condition] = filings.map((terms) => this.#shared(terms));
    if (writer.besides.length > 0) this.#besides.set(condition, writer.besides);
  }

  /** Gives back what it uses; it must not be asked afterwards. */
  remove(condition: number): void {
    const program = this.#programs.items;
    const start = this.#programs.startOf(condition);
    for (let at = start, end = start + this.#programs.lengthOf(condition); at < end; at += STRIDE) {
      const key = program[at + KEY] as number;
      if (key === NO_KEY) continue;
      const term = program[at + TERM] as number;
      this.#terms.mention(key, -1);
      if (term > 0) this.#terms.release(term);
      else if (term < 0) this.#freeTexts.push(-term);
      this.#terms.release(this.#terms.presenceOf(key));
    }
    for (const term of this.#besides.get(condition) ?? []) this.#terms.release(term);
    this.#besides.delete(condition);
    this.#programs.clear(condition);
    this.#filings[condition] = undefined;
  }

  filingsOf(condition: number): Filings {
    return this.#filings[condition] ?? [[]];
  }

  /** Whether it is about a label that is absent from these. */
  misses(condition: number, labels: Int32Array): boolean {
    const program = this.#programs.items;
    const start = this.#programs.startOf(condition);
    for (let at = start, end = start + this.#programs.lengthOf(condition); at < end; at += STRIDE) {
      const key = program[at + KEY] as number;
      if (key !== NO_KEY && labels[key] === 0) return true;
    }
    return false;
  }

  /** Whether it holds for labels given as terms by key, 0 where absent. */
  holds(condition: number, labels: Int32Array): boolean {
    const program = this.#programs.items;
    const start = this.#programs.startOf(condition);
    let next = 0;
    while (next >= 0) {
      const at = start + next;
      const wanted = program[at + TERM] as number;
      const term = labels[program[at + KEY] as number] as number;
      const equal = wanted >= 0 ? term === wanted : term !== 0 && this.#textMatches(-wanted, term);
      next = program[at + (equal ? WHEN_EQUAL : WHEN_OTHER)] as number;
    }
    return next === TRUE;
  }

  #shared(terms: readonly number[]): readonly number[] {
    const [term] = terms;
    if (terms.length !== 1 || term === undefined) return terms;
    return (this.#alone[term] ??= terms);
  }

  #textMatches(text: number, term: number): boolean {
    return this.#texts[text]?.(this.#terms.valueOf(term)) === true;
  }

  #addText(test: (value: string) => boolean): number {
    const number = this.#freeTexts.pop() ?? this.#texts.length;
    this.#texts[number] = test;
    return number;
  }
}

/** Writes one condition. Each test uses the presence of its key, and its term. */
class Writer {
  /** Terms in use beside those of tests. */
  readonly besides: number[] = [];
  readonly #interned: Terms;
  readonly #addText: (test: (value: string) => boolean) => number;

  constructor(interned: Terms, addText: (test: (value: string) => boolean) => number) {
    this.#interned = interned;
    this.#addText = addText;
  }

  /** The tests of a selector, the first one first, and where to file it. */
  write(node: SelectorNode): { readonly words: readonly number[]; readonly filings: Filings } {
    const { leaves, whenTrue, whenFalse } = compile(node);
    // A leaf goes to leaves before it in that list, and the last one is the start: they are written from the last to the first.
    const startOfLeaf: number[] = [];
    let end = 0;
    for (let n = leaves.length - 1; n >= 0; n--) {
      startOfLeaf[n] = end;
      end += STRIDE * testCount(leaves[n] as LeafNode);
    }
    const words: number[] = [];
    const target = (leaf: number): number => (leaf < 0 ? leaf : (startOfLeaf[leaf] as number));
    const filings: number[][] = [];
    const keys: number[] = [];
    let everyLeafHolds = true;
    for (let n = leaves.length - 1; n >= 0; n--) {
      const leaf = leaves[n] as LeafNode;
      const at = words.length;
      this.#write(words, leaf, target(whenTrue[n] as number), target(whenFalse[n] as number));
      // Most selectors are conjunctions over different labels: every match has a term of each of their leaves.
      const key = words[at + KEY] as number;
      everyLeafHolds &&= whenFalse[n] === FALSE && whenTrue[n] === (n === 0 ? TRUE : n - 1) && !keys.includes(key);
      keys.push(key);
      const terms = everyLeafHolds ? this.#termsOf(leaf, words, at) : undefined;
      if (terms !== undefined) filings.push(terms);
    }
    if (!everyLeafHolds) return { words, filings: this.#filings(node) };
    return { words, filings: filings.length === 0 ? [[EVERYTHING]] : filings };
  }

  /** The terms of which whatever a leaf holds for has one; `at`: where its tests begin. */
  #termsOf(leaf: LeafNode, words: readonly number[], at: number): number[] | undefined {
    switch (leaf.kind) {
      case 'all':
      case 'global':
      case 'notEqual':
      case 'notIn':
        return undefined;
      case 'equal':
        return [words[at + TERM] as number];
      case 'in':
        return leaf.values.map((_, n) => words[at + n * STRIDE + TERM] as number);
      default:
        return [this.#interned.presenceOf(words[at + KEY] as number)];
    }
  }

  #filings(node: SelectorNode): Filings {
    const restrictions = restrictionsOf(node);
    if (!restrictions.satisfiable) return [[]];
    const filings: number[][] = [];
    for (const [name, bound] of restrictions.bounds) {
      const terms = this.#filing(name, bound);
      if (terms === undefined) continue;
      filings.push(terms);
      this.besides.push(...terms);
    }
    return filings.length === 0 ? [[EVERYTHING]] : filings;
  }

  #write(words: number[], leaf: LeafNode, whenTrue: number, whenFalse: number): void {
    switch (leaf.kind) {
      case 'all':
      case 'global':
        words.push(NO_KEY, 0, whenTrue, whenTrue);
        return;
      case 'has':
        words.push(this.#key(leaf.key), 0, whenFalse, whenTrue);
        return;
      case 'equal':
        words.push(this.#key(leaf.key), this.#term(leaf.key, leaf.value), whenTrue, whenFalse);
        return;
      case 'notEqual':
        words.push(this.#key(leaf.key), this.#term(leaf.key, leaf.value), whenFalse, whenTrue);
        return;
      case 'in':
        this.#writeAny(words, leaf, whenTrue, whenFalse);
        return;
      case 'notIn':
        this.#writeAny(words, leaf, whenFalse, whenTrue);
        return;
      case 'contains':
        words.push(
          this.#key(leaf.key),
          this.#text((value) => value.includes(leaf.value)),
          whenTrue,
          whenFalse,
        );
        return;
      case 'startsWith':
        words.push(
          this.#key(leaf.key),
          this.#text((value) => value.startsWith(leaf.value)),
          whenTrue,
          whenFalse,
        );
        return;
      case 'endsWith':
        words.push(
          this.#key(leaf.key),
          this.#text((value) => value.endsWith(leaf.value)),
          whenTrue,
          whenFalse,
        );
        return;
      default:
        assertNever(leaf);
    }
  }

  /** One test for each value: sets in selectors are short. */
  #writeAny(
    words: number[],
    { key, values }: { readonly key: string; readonly values: readonly string[] },
    whenOne: number,
    whenNone: number,
  ): void {
    if (values.length === 0) words.push(NO_KEY, 0, whenNone, whenNone);
    for (const [n, value] of values.entries()) {
      const otherwise = n === values.length - 1 ? whenNone : words.length + STRIDE;
      words.push(this.#key(key), this.#term(key, value), whenOne, otherwise);
    }
  }

  #filing(name: string, bound: Bound): number[] | undefined {
    if (bound.kind === 'oneOf') return Array.from(bound.values, (value) => this.#term(name, value));
    return bound.kind === 'present' ? [this.#interned.acquirePresence(name)] : undefined;
  }

  #key(name: string): number {
    return this.#interned.keyOf(this.#interned.acquirePresence(name));
  }

  #term(name: string, value: string): number {
    return this.#interned.acquire(name, value);
  }

  /** Tests on texts have numbers below zero. */
  #text(test: (value: string) => boolean): number {
    return -this.#addText(test);
  }
}

function testCount(leaf: LeafNode): number {
  return leaf.kind === 'in' || leaf.kind === 'notIn' ? Math.max(1, leaf.values.length) : 1;
}
