import { SallyportError } from '../base/error.ts';
import {
  DIFFERENCE,
  INTERSECTION,
  UNION,
  combine,
  combinesToSome,
  holds,
  mergeSpans,
  sameBoundaries,
  spans,
} from './boundaries.ts';
import { quoteForMessage } from './address.ts';

const END = 65536;

/** An immutable set of port numbers, 0 to 65535. */
export class PortSet {
  static readonly empty = new PortSet([]);
  /** 0 to 65535. */
  static readonly all = new PortSet([0, END]);

  /** Sets of one port, by that port: the same few are in most rules. */
  static readonly #single: (PortSet | undefined)[] = [];

  readonly #boundaries: readonly number[];

  private constructor(boundaries: readonly number[]) {
    this.#boundaries = boundaries;
  }

  /**
   * Ports and inclusive ranges in any order, overlapping or not.
   * @example PortSet.of(80, [8000, 8080]);
   * @throws SallyportError INTERNAL for what is no port, or a range whose end lies before its start.
   */
  static of(...ranges: readonly (number | readonly [number, number])[]): PortSet {
    const spans = ranges.map((range) => {
      const [first, last] = typeof range === 'number' ? [range, range] : range;
      if (!isPort(first) || !isPort(last) || first > last)
        throw new SallyportError('INTERNAL', `${first}-${last} is not a range of ports`);
      return [first, last + 1] as const;
    });
    const [first] = spans;
    if (spans.length !== 1 || first === undefined || first[1] - first[0] !== 1) return new PortSet(mergeSpans(spans));
    return (PortSet.#single[first[0]] ??= new PortSet([...first]));
  }

  /** @example PortSet.of().isEmpty; // true */
  get isEmpty(): boolean {
    return this.#boundaries.length === 0;
  }

  /** Holds every port. @example PortSet.all.isAll; // true */
  get isAll(): boolean {
    return this.equals(PortSet.all);
  }

  /** @example PortSet.of(80).union(PortSet.of(81)).toString(); // '80-81' */
  union(other: PortSet): PortSet {
    return new PortSet(combine(this.#boundaries, other.#boundaries, UNION));
  }

  /** @example PortSet.of([1, 9]).intersect(PortSet.of([5, 20])).toString(); // '5-9' */
  intersect(other: PortSet): PortSet {
    return new PortSet(combine(this.#boundaries, other.#boundaries, INTERSECTION));
  }

  /** @example PortSet.of([1, 9]).subtract(PortSet.of(5)).toString(); // '1-4, 6-9' */
  subtract(other: PortSet): PortSet {
    return new PortSet(combine(this.#boundaries, other.#boundaries, DIFFERENCE));
  }

  /** @example PortSet.of([0, 65534]).complement().toString(); // '65535' */
  complement(): PortSet {
    return PortSet.all.subtract(this);
  }

  /** @example PortSet.of([80, 90]).contains(85); // true */
  contains(port: number): boolean {
    return holds(this.#boundaries, port);
  }

  /** Every port of `other` is in this set. @example PortSet.all.covers(PortSet.of(80)); // true */
  covers(other: PortSet): boolean {
    return !combinesToSome(other.#boundaries, this.#boundaries, DIFFERENCE);
  }

  /** Some port is in both. @example PortSet.of(80).overlaps(PortSet.all); // true */
  overlaps(other: PortSet): boolean {
    return combinesToSome(this.#boundaries, other.#boundaries, INTERSECTION);
  }

  /** @example PortSet.of(80, 81).equals(PortSet.of([80, 81])); // true */
  equals(other: PortSet): boolean {
    return this === other || sameBoundaries(this.#boundaries, other.#boundaries);
  }

  /** Inclusive, sorted, disjoint, and never adjacent. @example PortSet.of(81, 80).ranges(); // [[80, 81]] */
  ranges(): readonly (readonly [number, number])[] {
    return Array.from(spans(this.#boundaries), ([first, end]) => [first, end - 1] as const);
  }

  /** @example PortSet.of(443, 80, [8000, 8080]).toString(); // '80, 443, 8000-8080' */
  toString(): string {
    return this.ranges()
      .map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
      .join(', ');
  }
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < END;
}

/**
 * Reads one port or an inclusive range: `80`, `'80'`, `'8000:8080'` (Calico's form) or `'8000-8080'`. Decimal, without sign, space or
 * leading zeros, 0 to 65535; a kind whose ports begin at 1 checks that itself. `problem` is a sentence for people.
 * @example parsePortRange('8000:8080'); // { value: [8000, 8080] }
 */
export function parsePortRange(text: string | number): { value: readonly [number, number] } | { problem: string } {
  if (typeof text === 'number')
    return isPort(text) ? { value: [text, text] } : { problem: `${text} is not a port; use 0 to 65535` };
  const [, firstText, lastText] = /^(0|[1-9]\d{0,4})(?:[:-](0|[1-9]\d{0,4}))?$/.exec(text) ?? [];
  if (firstText === undefined)
    return { problem: `${quoteForMessage(text)} is neither a port nor a range; write one like "443" or "8000:8080"` };
  const first = Number(firstText);
  const last = lastText === undefined ? first : Number(lastText);
  if (!isPort(first) || !isPort(last)) return { problem: `${quoteForMessage(text)} goes beyond the last port, 65535` };
  if (first > last) return { problem: `${quoteForMessage(text)} ends before it starts; write "${last}:${first}"` };
  return { value: [first, last] };
}
