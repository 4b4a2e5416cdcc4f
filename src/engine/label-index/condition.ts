import { assertNever } from '../../base/error.ts';
import { compile } from '../../selector/matcher.ts';
import type { LeafNode, SelectorNode } from '../../selector/node.ts';
import { type Bound, restrictionsOf } from '../../selector/restrictions.ts';
import { IntegerLists } from './lists.ts';
import { Scratch } from './scratch.ts';
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

/** Deeper trees are written without recursion. */
const SHALLOW = 16;

/** A key that no label has: it equals "absent" always. */
const NO_KEY = 0;

/** Lists of terms of which every match has at least one. Never empty; an empty list: no match ever. */
type Filings = readonly (readonly number[])[];

/**
 * Selectors over interned labels, known by small integers: the program of the selector's matcher, with integers for labels, all side by
 * side in memory.
 */
export class Conditions {
  readonly #terms: Terms;
  readonly #writer: Writer;
  readonly #programs = new IntegerLists();
  /** Of conditions whose programs do not show where they can be filed; of most they do. */
  readonly #filings = new Map<number, Filings>();
  /** Lists of one term, by the term: hundreds of thousands of selectors are filed under the same few. */
  readonly #alone: (readonly number[])[] = [];
  /** Terms that conditions use beside those of their programs. */
  readonly #besides = new Map<number, readonly number[]>();
  /** Tests on the text of a value, by number from 1. */
  readonly #texts: ((value: string) => boolean)[] = [() => true];
  readonly #freeTexts: number[] = [];

  constructor(terms: Terms) {
    this.#terms = terms;
    this.#writer = new Writer(terms, (test) => this.#addText(test));
  }

  /** The condition must not be there. */
  add(condition: number, node: SelectorNode): void {
    const { words, filings, besides } = this.#writer.write(node);
    for (let at = KEY; at < words.length; at += STRIDE) {
      const key = words.items[at] as number;
      if (key !== NO_KEY) this.#terms.mention(key, 1);
    }
    this.#programs.fill(condition, words.items, words.length);
    if (filings !== undefined) this.#filings.set(condition, filings);
    if (besides.length > 0) this.#besides.set(condition, besides);
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
    this.#filings.delete(condition);
  }

  /**
   * The terms to file a condition under: every match has one of them, and they cost least together. A list of one term is the same array
   * for all. Empty: nothing can match.
   */
  rarest(condition: number, costOf: (term: number) => number): readonly number[] {
    const filings = this.#filings.get(condition);
    return filings === undefined ? this.#rarestTest(condition, costOf) : cheapest(filings, costOf);
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

  /** Of a conjunction of tests, each of which has to come out one way. */
  #rarestTest(condition: number, costOf: (term: number) => number): readonly number[] {
    const program = this.#programs.items;
    const start = this.#programs.startOf(condition);
    let best = EVERYTHING;
    let bestCost = Infinity;
    for (let at = start, end = start + this.#programs.lengthOf(condition); at < end; at += STRIDE) {
      const term = this.#demandedBy(program, at);
      if (term === 0) continue;
      const cost = costOf(term);
      if (cost >= bestCost) continue;
      best = term;
      bestCost = cost;
    }
    return (this.#alone[best] ??= [best]);
  }

  /** The term that whatever passes a test has; 0 for a test that demands none. */
  #demandedBy(program: Int32Array, at: number): number {
    const key = program[at + KEY] as number;
    if (key === NO_KEY) return 0;
    const term = program[at + TERM] as number;
    if (term > 0) return program[at + WHEN_OTHER] === FALSE ? term : 0;
    const passesAbsent = term === 0 ? program[at + WHEN_EQUAL] !== FALSE : program[at + WHEN_OTHER] !== FALSE;
    return passesAbsent ? 0 : this.#terms.presenceOf(key);
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

function cheapest(filings: Filings, costOf: (term: number) => number): readonly number[] {
  let best = filings[0] ?? [];
  let bestCost = Infinity;
  for (const terms of filings) {
    let cost = 0;
    for (const term of terms) cost += costOf(term);
    if (cost >= bestCost) continue;
    best = terms;
    bestCost = cost;
  }
  return best;
}

/** What was written of one condition; good until the next one is written. */
interface Written {
  /** The tests, the first one first. */
  readonly words: Scratch;
  /** `undefined`: a conjunction of tests, which shows by itself where it can be filed. */
  readonly filings: Filings | undefined;
  /** Terms in use beside those of tests. */
  readonly besides: readonly number[];
}

/** Writes one condition after the other. Each test uses the presence of its key, and its term. */
class Writer {
  readonly #interned: Terms;
  readonly #addText: (test: (value: string) => boolean) => number;
  #besides: number[] = [];

  // Room to work in: there are hundreds of thousands of conditions.
  readonly #words = new Scratch();
  readonly #leaves: LeafNode[] = [];
  #leafCount = 0;

  constructor(interned: Terms, addText: (test: (value: string) => boolean) => number) {
    this.#interned = interned;
    this.#addText = addText;
  }

  write(node: SelectorNode): Written {
    this.#words.clear();
    this.#leafCount = 0;
    if (this.#besides.length > 0) this.#besides = [];
    const plain = this.#isConjunction(node, 0) ? this.#writeConjunction() : this.#writeProgram(node);
    const filings = plain ? undefined : this.#filings(node);
    return { words: this.#words, filings, besides: this.#besides };
  }

  /** Whether it is leaves and conjunctions of them alone, and not deep, as most selectors are; then `#leaves` has them in order. */
  #isConjunction(node: SelectorNode, depth: number): boolean {
    if (node.kind === 'not' || node.kind === 'or' || depth > SHALLOW) return false;
    if (node.kind !== 'and') {
      this.#leaves[this.#leafCount++] = node;
      return true;
    }
    for (let n = 0; n < node.operands.length; n++)
      if (!this.#isConjunction(node.operands[n] as SelectorNode, depth + 1)) return false;
    return true;
  }

  /** Writes `#leaves`; whether every match passes each test, and no two tests are about one key. */
  #writeConjunction(): boolean {
    const words = this.#words;
    let plain = true;
    for (let n = 0; n < this.#leafCount; n++) {
      const leaf = this.#leaves[n] as LeafNode;
      const at = words.length;
      this.#write(words, leaf, n === this.#leafCount - 1 ? TRUE : at + STRIDE * testCount(leaf), FALSE);
      plain &&= (leaf.kind !== 'in' || leaf.values.length === 1) && !hasKey(words, at);
    }
    return plain;
  }

  /** False: its tests do not show where it can be filed. */
  #writeProgram(node: SelectorNode): false {
    const { leaves, whenTrue, whenFalse } = compile(node);
    // A leaf goes to leaves before it in that list, and the last one is the start: they are written from the last to the first.
    const startOfLeaf: number[] = [];
    let end = 0;
    for (let n = leaves.length - 1; n >= 0; n--) {
      startOfLeaf[n] = end;
      end += STRIDE * testCount(leaves[n] as LeafNode);
    }
    const target = (leaf: number): number => (leaf < 0 ? leaf : (startOfLeaf[leaf] as number));
    for (let n = leaves.length - 1; n >= 0; n--)
      this.#write(this.#words, leaves[n] as LeafNode, target(whenTrue[n] as number), target(whenFalse[n] as number));
    return false;
  }

  #filings(node: SelectorNode): Filings {
    const restrictions = restrictionsOf(node);
    if (!restrictions.satisfiable) return [[]];
    const filings: number[][] = [];
    for (const [name, bound] of restrictions.bounds) {
      const terms = this.#filing(name, bound);
      if (terms === undefined) continue;
      filings.push(terms);
      this.#besides.push(...terms);
    }
    return filings.length === 0 ? [[EVERYTHING]] : filings;
  }

  #write(words: Scratch, leaf: LeafNode, whenTrue: number, whenFalse: number): void {
    switch (leaf.kind) {
      case 'all':
      case 'global':
        addTest(words, NO_KEY, 0, whenTrue, whenTrue);
        return;
      case 'has':
        addTest(words, this.#key(leaf.key), 0, whenFalse, whenTrue);
        return;
      case 'equal':
        addTest(words, this.#key(leaf.key), this.#term(leaf.key, leaf.value), whenTrue, whenFalse);
        return;
      case 'notEqual':
        addTest(words, this.#key(leaf.key), this.#term(leaf.key, leaf.value), whenFalse, whenTrue);
        return;
      case 'in':
        this.#writeAny(words, leaf, whenTrue, whenFalse);
        return;
      case 'notIn':
        this.#writeAny(words, leaf, whenFalse, whenTrue);
        return;
      case 'contains':
        addTest(
          words,
          this.#key(leaf.key),
          this.#text((value) => value.includes(leaf.value)),
          whenTrue,
          whenFalse,
        );
        return;
      case 'startsWith':
        addTest(
          words,
          this.#key(leaf.key),
          this.#text((value) => value.startsWith(leaf.value)),
          whenTrue,
          whenFalse,
        );
        return;
      case 'endsWith':
        addTest(
          words,
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
    words: Scratch,
    { key, values }: { readonly key: string; readonly values: readonly string[] },
    whenOne: number,
    whenNone: number,
  ): void {
    if (values.length === 0) addTest(words, NO_KEY, 0, whenNone, whenNone);
    for (const [n, value] of values.entries()) {
      const otherwise = n === values.length - 1 ? whenNone : words.length + STRIDE;
      addTest(words, this.#key(key), this.#term(key, value), whenOne, otherwise);
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

function addTest(words: Scratch, key: number, term: number, whenEqual: number, whenOther: number): void {
  words.push(key);
  words.push(term);
  words.push(whenEqual);
  words.push(whenOther);
}

/** Whether a test before the one at `at` has its key. */
function hasKey({ items }: Scratch, at: number): boolean {
  for (let before = KEY; before < at; before += STRIDE) if (items[before] === items[at + KEY]) return true;
  return false;
}

function testCount(leaf: LeafNode): number {
  return leaf.kind === 'in' || leaf.kind === 'notIn' ? Math.max(1, leaf.values.length) : 1;
}
