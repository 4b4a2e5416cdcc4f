/** Whether something holds, and what of it is not known: with doubts, it may be otherwise. */
export interface Holds {
  readonly holds: boolean;
  readonly doubts: readonly string[];
}

const YES: Holds = { holds: true, doubts: [] };
const NO: Holds = { holds: false, doubts: [] };

export const sure = (holds: boolean): Holds => (holds ? YES : NO);

export const doubtful = (holds: boolean, ...doubts: readonly string[]): Holds => ({ holds, doubts });

export const not = ({ holds, doubts }: Holds): Holds => ({ holds: !holds, doubts });

/** One that surely holds settles it; the others are not asked any more. */
export function any<Item>(items: Iterable<Item>, ask: (item: Item) => Holds): Holds {
  return not(all(items, (item) => not(ask(item))));
}

/** One that surely does not hold settles it; the others are not asked any more. */
export function all<Item>(items: Iterable<Item>, ask: (item: Item) => Holds): Holds {
  const doubts: string[] = [];
  let holds = true;
  for (const item of items) {
    const one = ask(item);
    if (!one.holds && one.doubts.length === 0) return NO;
    holds &&= one.holds;
    doubts.push(...one.doubts);
  }
  return { holds, doubts };
}

/** All of several conditions, each asked only while it matters. */
export const both = (...conditions: readonly (() => Holds)[]): Holds => all(conditions, (condition) => condition());
