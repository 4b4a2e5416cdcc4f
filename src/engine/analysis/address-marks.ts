import { type Address, type Family, ipv4Address, ipv6Address } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';

type Value = number | bigint;

/** Which of some sets hold an address: their places in the list of sets, ascending. */
export type Mark = readonly number[];

/** Every address of a family by the sets that hold it. */
export interface MarkedAddresses {
  readonly marks: readonly Mark[];
  /** The mark of each point, by its place in `marks`. */
  readonly ofPoint: readonly number[];
  /**
   * For each mark the other addresses that have it. Where every address between two boundaries is a point, they count to the neighbour:
   * nobody is there, and the text is shorter.
   */
  readonly others: readonly PrefixSet[];
}

/** `points`: distinct addresses of the family, ascending. Walks all boundaries once. */
export function markAddresses(family: Family, sets: readonly PrefixSet[], points: readonly Address[]): MarkedAddresses {
  const numbers = new Map<string, number>();
  const marks: Mark[] = [];
  const ranges: [Address, Address][][] = [];
  const ofPoint: number[] = [];
  const active = new Set<number>();
  const take = (): number => {
    const mark = [...active].sort((a, b) => a - b);
    const key = mark.join(' ');
    let number = numbers.get(key);
    if (number === undefined) {
      number = marks.push(mark) - 1;
      numbers.set(key, number);
      ranges.push([]);
    }
    return number;
  };

  const turns = turnsOf(family, sets);
  const end = family === 4 ? 2 ** 32 : 1n << 128n;
  let first: Value = family === 4 ? 0 : 0n;
  let turn = 0;
  let point = 0;
  let last: [Address, Address] | undefined;
  while (first < end) {
    while (turn < turns.length && (turns[turn] as Turn).at === first) {
      const { set, into } = turns[turn++] as Turn;
      if (into) active.add(set);
      else active.delete(set);
    }
    const after: Value = turns[turn]?.at ?? end;
    const mark = take();
    const before = point;
    for (; point < points.length && (points[point] as Address).value < after; point++) ofPoint.push(mark);
    const full = BigInt(point - before) === BigInt(after) - BigInt(first);
    if (full && last !== undefined) last[1] = addressAt(family, after, -1);
    else {
      last = [addressAt(family, first, 0), addressAt(family, after, -1)];
      // At the very beginning there is no neighbour yet.
      if (!full) ranges[mark]?.push(last);
    }
    first = after;
  }
  return { marks, ofPoint, others: ranges.map((each) => PrefixSet.ofRanges(each)) };
}

/** Where a set begins or ends. */
interface Turn {
  readonly at: Value;
  readonly set: number;
  readonly into: boolean;
}

function turnsOf(family: Family, sets: readonly PrefixSet[]): readonly Turn[] {
  const turns: Turn[] = [];
  for (const [set, prefixes] of sets.entries())
    for (const [first, last] of prefixes.ranges(family)) {
      turns.push({ at: first.value, set, into: true });
      turns.push({ at: last.family === 4 ? last.value + 1 : last.value + 1n, set, into: false });
    }
  return turns.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function addressAt(family: Family, value: Value, shift: 0 | -1): Address {
  return family === 4 ? ipv4Address(Number(value) + shift) : ipv6Address(BigInt(value) + BigInt(shift));
}
