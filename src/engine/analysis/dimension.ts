import type { DecisionDiagram, Root } from './decision-diagram.ts';

const NOTHING: Root = 0;
const HOLDS: Root = 1;

/**
 * One field of a packet in a diagram: its numbers, cut into pieces wherever a rule cuts them. A piece is known by its place, and the bits
 * of the place, highest first, are the questions. Places that stand for no piece mean the last one.
 */
export class Dimension<N extends number | bigint> {
  readonly #diagram: DecisionDiagram;
  #first = 0;
  readonly #bits: number;
  readonly #end: N;
  readonly #starts: readonly N[];
  readonly #places: ReadonlyMap<N, number>;
  /** The number that examples have where they may. */
  readonly #wish: N;
  readonly #wished: number;

  /** Numbers from `zero` up to `end`, which is none of them; `cuts`: where pieces begin, in any order, numbers of the end among them. */
  constructor(diagram: DecisionDiagram, [zero, end]: readonly [N, N], cuts: Iterable<N>, wish: N) {
    this.#diagram = diagram;
    this.#end = end;
    const starts = new Set<N>([zero]);
    for (const cut of cuts) if (cut < end) starts.add(cut);
    this.#starts = [...starts].sort((a, b) => (a < b ? -1 : 1));
    this.#places = new Map(this.#starts.map((start, place) => [start, place]));
    this.#bits = Math.ceil(Math.log2(this.#starts.length));
    this.#wish = wish;
    this.#wished = this.#starts.findLastIndex((start) => start <= wish);
  }

  /** Takes its questions, the first one of them given; the number of the first one behind. To be called once, before all else. */
  askFrom(first: number): number {
    this.#first = first;
    return first + this.#bits;
  }

  /** 1 for the numbers in half-open spans (sorted, disjoint, not adjacent, all of them cuts), 0 elsewhere. */
  inside(spans: Iterable<readonly [N, N]>): Root {
    const edges: number[] = [];
    for (const [first, after] of spans)
      edges.push(this.#places.get(first) ?? 0, this.#places.get(after) ?? 2 ** this.#bits);
    let next = 0;
    const block = (base: number, bit: number): Root => {
      const end = base + 2 ** bit;
      while (next < edges.length && (edges[next] as number) <= base) next++;
      const edge = edges[next];
      if (edge === undefined || edge >= end) return next % 2 === 1 ? HOLDS : NOTHING;
      const no = block(base, bit - 1);
      const yes = block(base + 2 ** (bit - 1), bit - 1);
      return this.#diagram.node(this.#first + this.#bits - bit, no, yes);
    };
    return block(0, this.#bits);
  }

  /** The answer that leads to the wished number; of another field's question `undefined`. */
  wishedAnswer(question: number): boolean | undefined {
    const place = question - this.#first;
    if (place < 0 || place >= this.#bits) return undefined;
    return ((this.#wished >> (this.#bits - 1 - place)) & 1) === 1;
  }

  /** The wished number if it lies where the answers lead, else the first two of those that do, or one. */
  example(answers: ReadonlyMap<number, boolean>): readonly [N] | readonly [N, N] {
    let place = 0;
    for (let bit = 0; bit < this.#bits; bit++) {
      const question = this.#first + bit;
      const yes = answers.get(question) ?? this.wishedAnswer(question) === true;
      place = place * 2 + Number(yes);
    }
    const at = Math.min(place, this.#starts.length - 1);
    const first = this.#starts[at] as N;
    if (at === this.#wished) return [this.#wish];
    const after = this.#starts[at + 1] ?? this.#end;
    const second = (typeof first === 'bigint' ? first + 1n : Number(first) + 1) as N;
    return second < after ? [first, second] : [first];
  }
}
