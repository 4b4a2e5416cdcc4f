import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { moved } from '../../../../test/kit/moved.ts';
import { execute } from '../../../../test/kit/nft-kernel.ts';
import { rulesetPairs, rulesets } from '../../../../test/kit/rulesets.ts';
import { tries } from '../../../../test/kit/runs.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import type { NftTable } from '../table/model.ts';
import { renderTable } from '../table/render.ts';
import { stepsTo } from './steps.ts';
import { together } from './together.ts';
import { translate } from '../table/translate.ts';

function text(table: NftTable | undefined): string {
  return table === undefined ? 'none' : renderTable(table);
}

function made(ruleset: Ruleset): NftTable {
  const { table } = translate(ruleset);
  return table;
}

/** The same with so many senders more in one of its classes. */
function crowded(ruleset: Ruleset, count: number, from: number): Ruleset {
  const [id] = [...ruleset.classes.values()].flatMap((one) => (one.family === 4 ? [one.id] : []));
  if (id === undefined) throw new Error('no class');
  const crowd = Array.from({ length: count }, (_, at) => [`10.77.${from}.${at}`, id] as const);
  return { ...ruleset, members: BucketMap.from([...ruleset.members.entries(), ...crowd]) };
}

describe('silence and what comes after it, in one transaction', () => {
  test('lead where the two lead, for the same senders, and the rest of the plan is what it was', () => {
    let joined = 0;
    fc.assert(
      fc.property(rulesets(), fc.nat(1_000), fc.nat(1_000), (ruleset, one, other) => {
        const start = made(moved(ruleset, one));
        const wanted = translate(moved(ruleset, other));
        const [first, second, ...rest] = stepsTo(start, wanted);
        if (first?.does !== 'transaction' || second?.does !== 'transaction') return;
        const both = together(first, second);
        if (both === undefined) return;
        joined++;
        const apart = execute(execute(start, first.operations), second.operations);
        const end = execute(start, both.operations);
        expect(text(end)).toBe(text(apart));
        expect(text(end)).toBe(text(both.after));
        expect(both.touches).toEqual(first.touches);
        expect(stepsTo(end, wanted)).toEqual(rest);
      }),
      tries(60, 20),
    );
    expect(joined).toBeGreaterThan(0);
  });

  test('nothing else goes with anything', () => {
    fc.assert(
      fc.property(rulesetPairs(), ([before, after]) => {
        const steps = stepsTo(made(before), translate(after));
        for (const [at, step] of steps.entries()) {
          const next = steps[at + 1];
          const mayGo = step.urgent && next?.kind === 'Members' && !next.urgent;
          if (next !== undefined && !mayGo) expect(together(step, next)).toBeUndefined();
        }
      }),
      tries(8, 3),
    );
  });

  test('what is not small goes after the silence', () => {
    const [ruleset] = fc.sample(rulesets({ addressGroups: false }), 1);
    if (ruleset === undefined) throw new Error('no ruleset');
    const networks = PrefixSet.parse(['10.0.0.0/8']);
    const cutting: Ruleset = { ...ruleset, networks, established: 'Cut' };
    const steps = stepsTo(made(crowded(cutting, 1, 1)), translate(crowded(cutting, 250, 2)));
    const [first, second] = steps;
    expect(steps.map(({ kind, urgent }) => [kind, urgent]).slice(0, 2)).toEqual([
      ['Members', true],
      ['Members', false],
    ]);
    if (first === undefined || second === undefined) throw new Error('no steps');
    expect(together(first, second)).toBeUndefined();
  });
});
