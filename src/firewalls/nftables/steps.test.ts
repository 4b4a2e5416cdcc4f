import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Packet } from '../../../test/kit/ruleset-oracle.ts';
import { rulesetPairs, rulesets } from '../../../test/kit/rulesets.ts';
import { packets } from '../../../test/kit/universe.ts';
import { evaluate } from '../../border/evaluate.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Flow } from '../../engine/flow-set.ts';
import { formatAddress, parseAddress } from '../../ip/address.ts';
import { execute } from './execute.ts';
import { judge } from './judge.ts';
import type { NftTable } from './model.ts';
import { FENCE_SET } from './names.ts';
import { renderTable } from './render.ts';
import { type NftStep, stepsTo, stepsToLeave } from './steps.ts';
import { translate } from './translate.ts';
import { decide, firstPacket } from './walk.ts';

function flowOf(packet: Packet): Flow {
  const source = parseAddress(packet.source);
  const destination = parseAddress(packet.destination);
  if (source === undefined || destination === undefined) throw new Error('the universe has a bad address');
  return { ...packet, source, destination };
}

/** The tables before the first step and after each. */
function tablesOnTheWay(start: NftTable | undefined, steps: readonly NftStep[]): readonly (NftTable | undefined)[] {
  const tables = [start];
  let now = start;
  for (const step of steps) {
    if (step.does === 'transaction') {
      now = execute(now, step.operations);
    }
    tables.push(now);
  }
  return tables;
}

function text(table: NftTable | undefined): string {
  if (table === undefined) return 'none';
  const sets = new Map([...table.sets].filter(([name]) => name !== FENCE_SET));
  return renderTable({ ...table, sets });
}

function end(start: NftTable | undefined, ruleset: Ruleset): NftTable | undefined {
  return tablesOnTheWay(start, stepsTo(start, translate(ruleset))).at(-1);
}

const many = fc.array(packets(), { minLength: 10, maxLength: 10 }).map((list) => list.map(flowOf));

describe('steps', () => {
  test('lead to what is wanted, and then there are none', () => {
    fc.assert(
      fc.property(rulesetPairs({ hostile: true }), ([before, after]) => {
        const first = end(undefined, before);
        expect(text(first)).toBe(text(translate(before).table));
        const last = end(first, after);
        expect(text(last)).toBe(text(translate(after).table));
        expect(stepsTo(last, translate(after))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('after a death between any two steps the way leads to the same end, also to a third ruleset', () => {
    fc.assert(
      fc.property(rulesetPairs(), rulesets(), ([before, after], third) => {
        const first = end(undefined, before);
        for (const table of tablesOnTheWay(first, stepsTo(first, translate(after)))) {
          expect(text(end(table, after))).toBe(text(translate(after).table));
          expect(text(end(table, third))).toBe(text(translate(third).table));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('no packet meets a third verdict or translation on the way', () => {
    fc.assert(
      fc.property(rulesetPairs(), many, ([before, after], flows) => {
        const first = end(undefined, before);
        const tables = tablesOnTheWay(first, stepsTo(first, translate(after)));
        for (const flow of flows) {
          const fate = (ruleset: Ruleset): string => {
            const { passes, leavesAs } = evaluate(ruleset, flow);
            return passes ? `passes as ${leavesAs}` : 'dropped';
          };
          for (const [index, table] of tables.entries()) {
            if (table === undefined) throw new Error('no table');
            const outcome = decide(table, firstPacket(flow));
            expect(
              [fate(before), fate(after)],
              `${formatAddress(flow.source)} to ${formatAddress(flow.destination)} after step ${index}, ${outcome.tag}`,
            ).toContain(outcome.passes ? `passes as ${outcome.leavesAs}` : 'dropped');
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('connections that lost their right or translation end, all others live', () => {
    fc.assert(
      fc.property(rulesetPairs(), many, ([before, after], flows) => {
        const first = end(undefined, before);
        if (first === undefined) throw new Error('no table');
        for (const flow of flows) {
          const old = evaluate(before, flow);
          if (!old.passes) continue;
          let state: 'live' | 'dead' | 'forgotten' = 'live';
          let now: NftTable | undefined = first;
          for (const step of stepsTo(first, translate(after))) {
            if (step.does === 'transaction') {
              now = step.after;
              // The pod sends on the open connection after every step.
              if (now === undefined || state === 'forgotten') continue;
              const outcome = decide(now, { ...firstPacket(flow), state: 'established', dead: state === 'dead' });
              if (outcome.marked) state = 'dead';
              continue;
            }
            if (step.scope !== 'everyone' && !step.scope.includes(formatAddress(flow.source))) continue;
            if (state === 'forgotten') continue;
            const judgement = judge(step.table, { flow, answersTo: old.leavesAs, dead: state === 'dead' });
            if (judgement === 'Cut') state = 'dead';
            if (judgement === 'Forget') state = 'forgotten';
          }
          const now2 = evaluate(after, flow);
          const why = `${formatAddress(flow.source)} to ${formatAddress(flow.destination)}, ${now2.reason}`;
          if (after.established === 'Keep') expect(state, why).toBe('live');
          else if (!now2.passes) expect(state, why).not.toBe('live');
          else if (now2.leavesAs === old.leavesAs) expect(state, why).toBe('live');
          else if (now2.translation?.target.kind === 'Address') expect(state, why).toBe('forgotten');
        }
      }),
      { numRuns: 300 },
    );
  });

  test('leaving takes the table and nothing else', () => {
    expect(stepsToLeave(undefined)).toEqual([]);
    fc.assert(
      fc.property(rulesets(), (ruleset) => {
        const steps = stepsToLeave(end(undefined, ruleset));
        expect(tablesOnTheWay(end(undefined, ruleset), steps).at(-1)).toBeUndefined();
      }),
      { numRuns: 5 },
    );
  });
});
