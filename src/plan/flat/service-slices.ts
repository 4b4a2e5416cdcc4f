import { SallyportError } from '../../base/error.ts';
import type { Family } from '../../border/ruleset.ts';
import type { Flow } from '../../engine/flows/flow-set.ts';
import { type Piecewise, valueAt } from '../../engine/flows/piecewise.ts';
import { type ServiceSet, icmpProtocol, protocolKind } from '../../engine/flows/service-set.ts';

type ByFirst = ServiceSet['cells']['values'][number];

/** Services that none of some sets tells apart. */
export interface Slice {
  /** Whether the set of a key holds it. */
  readonly in: { has(key: string): boolean };
  /** One of them, a plain one where there is a choice. */
  readonly example: Pick<Flow, 'protocol' | 'sourcePort' | 'destinationPort' | 'icmpType' | 'icmpCode'>;
}

const PROTOCOLS = 256;
const VALUES = 65536;
/** Places times sets to be looked at: seconds. */
const MAX_LOOKS = 20_000_000;
const USUAL_PROTOCOLS = [6, 17];
const EPHEMERAL = 49152;

/**
 * All services in as few slices as the sets allow. What rules do can then be told for one slice at a time, where they differ in nothing
 * but destinations: that is short, where all at once every destination would have to tell of every port.
 * @throws SallyportError FLOW_SET_LIMIT where ports and source ports are combined in too many ways.
 */
export function slicesOf(sets: readonly ServiceSet[], family: Family): readonly Slice[] {
  const distinct = [...new Map(sets.map((set) => [set.key, set])).values()];
  const numbers = new Map(distinct.map(({ key }, at) => [key, at]));
  const slices = new Map<string, Slice>();
  let looks = 0;
  for (const [protocol, afterProtocol] of intervals(
    distinct.map((set) => set.cells),
    PROTOCOLS,
  )) {
    const byFirst = distinct.map((set) => valueAt(set.cells, protocol));
    const example = exampleProtocol(protocol, afterProtocol, family);
    for (const [first, afterFirst] of intervals(byFirst, VALUES)) {
      const bySecond = byFirst.map((values: ByFirst) => valueAt(values, first));
      const inside = new Members(distinct.length);
      for (const [second, afterSecond, turns] of turnsOf(bySecond)) {
        looks += distinct.length;
        if (looks > MAX_LOOKS)
          throw new SallyportError('FLOW_SET_LIMIT', 'rules combine ports and source ports in too many ways', {
            limit: MAX_LOOKS,
          });
        for (const turn of turns) inside.turn(turn);
        const { key } = inside;
        if (!slices.has(key))
          slices.set(key, {
            in: inside.now(numbers),
            example: exampleOf(example, [first, afterFirst], [second, afterSecond], family),
          });
      }
    }
  }
  return [...slices.values()];
}

/** The half-open spans on which none of the functions changes. */
function* intervals(
  functions: readonly Piecewise<number, unknown>[],
  end: number,
): Generator<readonly [number, number]> {
  const starts = [...new Set([0, ...functions.flatMap(({ starts: each }) => each)])].sort((a, b) => a - b);
  for (const [at, start] of starts.entries()) yield [start, starts[at + 1] ?? end];
}

/** Which of some sets hold a service: kept from one span to the next, since few turn there, and told by a short text. */
class Members {
  readonly #words: Uint16Array;

  constructor(count: number) {
    this.#words = new Uint16Array(Math.ceil(count / 16));
  }

  turn(at: number): void {
    this.#words[at >> 4] = (this.#words[at >> 4] ?? 0) ^ (1 << (at & 15));
  }

  /** What holds now stays so, whatever turns later. */
  now(numbers: ReadonlyMap<string, number>): Slice['in'] {
    const words = this.#words.slice();
    return {
      has: (key) => {
        const at = numbers.get(key);
        return at !== undefined && (((words[at >> 4] ?? 0) >> (at & 15)) & 1) === 1;
      },
    };
  }

  /** Equal members, equal keys. */
  get key(): string {
    let key = '';
    for (const word of this.#words) key += String.fromCharCode(word);
    return key;
  }
}

/** As `intervals` of values, and which of the functions become false there, or cease to be. */
function* turnsOf(
  functions: readonly Piecewise<number, unknown>[],
): Generator<readonly [first: number, after: number, turns: readonly number[]]> {
  const turns = new Map<number, number[]>([[0, []]]);
  for (const [at, { starts, values }] of functions.entries()) {
    let holds = false;
    for (const [piece, start] of starts.entries()) {
      let here = turns.get(start);
      if (here === undefined) turns.set(start, (here = []));
      if ((values[piece] !== false) === holds) continue;
      holds = !holds;
      here.push(at);
    }
  }
  const starts = [...turns.keys()].sort((a, b) => a - b);
  for (const [at, start] of starts.entries()) yield [start, starts[at + 1] ?? VALUES, turns.get(start) ?? []];
}

function exampleProtocol(first: number, after: number, family: Family): number {
  return [...USUAL_PROTOCOLS, icmpProtocol(family)].find((each) => each >= first && each < after) ?? first;
}

function exampleOf(
  protocol: number,
  first: readonly [number, number],
  second: readonly [number, number],
  family: Family,
): Slice['example'] {
  switch (protocolKind(protocol, family)) {
    case 'Ports':
      return { protocol, sourcePort: plain(second, EPHEMERAL), destinationPort: plain(first, 1) };
    case 'Icmp': {
      const value = plain(first, (family === 4 ? 8 : 128) * 256);
      return { protocol, icmpType: value >> 8, icmpCode: value & 255 };
    }
    case 'Other':
      return { protocol };
  }
}

function plain([first, after]: readonly [number, number], wish: number): number {
  return wish >= first && wish < after ? wish : first;
}
