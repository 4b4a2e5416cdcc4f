import { SallyportError } from '../../base/error.ts';

/** A function of yes-no questions: its root in a `DecisionDiagram`. The first four are the constant functions 0 to 3. */
export type Root = number;

/** How many constant functions there are. What 1 to 3 mean is the caller's affair; 0 is "nothing". */
const CONSTANTS = 4;
/** What constants ask: it comes after every question. */
export const NO_QUESTION = 0x7fffffff;

const OVERLAY = 0;
const WITHIN = 1;
const WITHOUT = 2;

/** About 200 MB. */
const MAX_NODES = 8_000_000;
const MAX_CACHE = 1 << 21;
const FIRST_SIZE = 1 << 12;

/** What a node is made of, at these places behind four times its number: side by side, because they are read together. */
const QUESTION = 0;
const NO = 1;
const YES = 2;
/** The next node of the same bucket. */
const NEXT = 3;

/**
 * Functions from the answers to yes-no questions, asked in a fixed order, to 0, 1, 2 or 3: ordered decision diagrams that share all their
 * equal parts. One function has exactly one root, so functions are equal exactly when their roots are.
 *
 * Nodes live in one typed array and are never freed: a diagram serves one comparison and goes with it.
 * @throws SallyportError FLOW_SET_LIMIT from whatever makes nodes, beyond eight million of them.
 */
export class DecisionDiagram {
  #nodes = new Int32Array(4 * FIRST_SIZE);
  #buckets = new Int32Array(FIRST_SIZE);
  #count = CONSTANTS;
  readonly #limit: number;
  /** Operands, operation and result of earlier calls; a newer one takes the place of an older one. */
  #cache = new Int32Array(4 * FIRST_SIZE);

  constructor(limit = MAX_NODES) {
    this.#limit = limit;
    for (let constant = 0; constant < CONSTANTS; constant++) this.#nodes[4 * constant + QUESTION] = NO_QUESTION;
  }

  /** The first question of a function; `NO_QUESTION` for constants. */
  question(f: Root): number {
    return this.#nodes[4 * f + QUESTION] as number;
  }

  /** The function left when its question `question` is answered; itself where that question is not its first. */
  answered(f: Root, question: number, yes: boolean): Root {
    if (this.question(f) !== question) return f;
    return this.#nodes[4 * f + (yes ? YES : NO)] as number;
  }

  /** The function that asks `question` first; both parts ask later ones only. */
  node(question: number, no: Root, yes: Root): Root {
    if (no === yes) return no;
    const hash = mix(question, no, yes);
    const nodes = this.#nodes;
    let at = this.#buckets[hash & (this.#buckets.length - 1)] as number;
    while (at !== 0) {
      const base = 4 * at;
      if (nodes[base + QUESTION] === question && nodes[base + NO] === no && nodes[base + YES] === yes) return at;
      at = nodes[base + NEXT] as number;
    }
    return this.#add(question, no, yes, hash);
  }

  /** `f` where it is not 0, else `g`. */
  overlay(f: Root, g: Root): Root {
    return this.#apply(OVERLAY, f, g);
  }

  /** `f` where `region` is not 0, else 0. */
  within(f: Root, region: Root): Root {
    return this.#apply(WITHIN, f, region);
  }

  /** `f` where `region` is 0, else 0. */
  without(f: Root, region: Root): Root {
    return this.#apply(WITHOUT, f, region);
  }

  /** Whether `f` is 0 nowhere. Looks until it finds a 0, which is soon if there is one. */
  isNever0(f: Root): boolean {
    const seen = new Set<Root>();
    const pending = [f];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (at === 0) return false;
      if (at < CONSTANTS || seen.has(at)) continue;
      seen.add(at);
      pending.push(this.#nodes[4 * at + YES] as number, this.#nodes[4 * at + NO] as number);
    }
    return true;
  }

  #apply(operation: number, f: Root, g: Root): Root {
    if (f === 0) return operation === OVERLAY ? g : 0;
    if (g === 0) return operation === WITHIN ? 0 : f;
    if (f === g) return operation === WITHOUT ? 0 : f;
    if (operation === OVERLAY) {
      if (f < CONSTANTS) return f;
    } else if (g < CONSTANTS) return operation === WITHIN ? f : 0;
    const cache = this.#cache;
    const slot = (mix(f, g, operation) << 2) & (cache.length - 1);
    if (cache[slot] === f && cache[slot + 1] === g && cache[slot + 2] === operation) return cache[slot + 3] as number;
    const nodes = this.#nodes;
    const ofF = nodes[4 * f + QUESTION] as number;
    const ofG = nodes[4 * g + QUESTION] as number;
    const first = ofF < ofG ? ofF : ofG;
    const noF = ofF === first ? (nodes[4 * f + NO] as number) : f;
    const yesF = ofF === first ? (nodes[4 * f + YES] as number) : f;
    const noG = ofG === first ? (nodes[4 * g + NO] as number) : g;
    const yesG = ofG === first ? (nodes[4 * g + YES] as number) : g;
    const no = this.#apply(operation, noF, noG);
    const yes = this.#apply(operation, yesF, yesG);
    const result = this.node(first, no, yes);
    // If the cache grew meanwhile, this entry is only lost.
    cache[slot] = f;
    cache[slot + 1] = g;
    cache[slot + 2] = operation;
    cache[slot + 3] = result;
    return result;
  }

  #add(question: number, no: Root, yes: Root, hash: number): Root {
    if (this.#count >= this.#limit)
      throw new SallyportError('FLOW_SET_LIMIT', `comparing rules needs more than ${this.#limit} decisions`, {
        limit: this.#limit,
      });
    if (4 * this.#count === this.#nodes.length) this.#grow();
    const at = this.#count++;
    this.#nodes[4 * at + QUESTION] = question;
    this.#nodes[4 * at + NO] = no;
    this.#nodes[4 * at + YES] = yes;
    this.#file(at, hash);
    return at;
  }

  #file(at: Root, hash: number): void {
    const bucket = hash & (this.#buckets.length - 1);
    this.#nodes[4 * at + NEXT] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = at;
  }

  #grow(): void {
    const size = 2 * this.#count;
    const nodes = new Int32Array(4 * size);
    nodes.set(this.#nodes);
    this.#nodes = nodes;
    this.#buckets = new Int32Array(size);
    for (let at = CONSTANTS; at < this.#count; at++) {
      const base = 4 * at;
      this.#file(at, mix(nodes[base + QUESTION] as number, nodes[base + NO] as number, nodes[base + YES] as number));
    }
    if (size <= MAX_CACHE) this.#cache = new Int32Array(4 * size);
  }
}

function mix(a: number, b: number, c: number): number {
  let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
