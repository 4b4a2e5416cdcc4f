import type { Family } from '../../border/ruleset.ts';
import { FlowSet } from '../../engine/flows/flow-set.ts';

/** Flows, and what becomes of those that reach them. */
export interface Branching<Outcome extends string> {
  readonly flows: FlowSet;
  readonly outcome: Outcome;
}

/** What becomes of which flows; disjoint. What is in none of them was not decided. */
export type Outcomes<Outcome extends string> = Readonly<Record<Outcome, FlowSet>>;

/**
 * The first entry that holds a flow decides it. Halves are worked out by themselves and then put one after the other, so the many sets of
 * a long list are met once in each of a few rounds, and not by one growing set each.
 */
export function firstMatch<Outcome extends string>(
  entries: readonly Branching<Outcome>[],
  outcomes: readonly Outcome[],
  family: Family,
): Outcomes<Outcome> & { readonly decided: FlowSet } {
  const nothing = FlowSet.nothing(family);
  const everything = FlowSet.everything(family);
  const record = (of: (outcome: Outcome) => FlowSet): Outcomes<Outcome> =>
    Object.fromEntries(outcomes.map((outcome) => [outcome, of(outcome)])) as Outcomes<Outcome>;
  const undecided = { ...record(() => nothing), decided: nothing };
  const between = (from: number, after: number): Outcomes<Outcome> & { readonly decided: FlowSet } => {
    const entry = from < after ? entries[from] : undefined;
    if (entry === undefined) return undecided;
    if (after - from === 1) return { ...undecided, [entry.outcome]: entry.flows, decided: entry.flows };
    const middle = (from + after) >>> 1;
    const first = between(from, middle);
    if (first.decided.equals(everything)) return first;
    const second = between(middle, after);
    return {
      ...record((outcome) =>
        second[outcome] === nothing ? first[outcome] : first[outcome].union(second[outcome].subtract(first.decided)),
      ),
      decided: first.decided.union(second.decided),
    };
  };
  return between(0, entries.length);
}
