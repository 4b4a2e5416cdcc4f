import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rulesetPairs, rulesets } from '../../../../test/kit/rulesets.ts';
import { flowOf, packets } from '../../../../test/kit/universe.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import { evaluate } from '../../../border/evaluate.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { formatAddress } from '../../../ip/address.ts';
import { execute } from '../../../../test/kit/nft-kernel.ts';
import { judge } from '../connections/judge.ts';
import { emptyMap, emptySet, type NftChain, type NftSet, type NftTable, type Rule } from '../table/model.ts';
import { renderTable } from '../table/render.ts';
import { type NftStep, renderStep, stepsTo, stepsToLeave } from './steps.ts';
import { translate } from '../table/translate.ts';
import { decide, firstPacket } from '../meaning/walk.ts';
import { tries } from '../../../../test/kit/runs.ts';

function pick<V>(map: ReadonlyMap<string, V>, seed: number): readonly [string, V] | undefined {
  return [...map][seed % Math.max(1, map.size)];
}

/** What an administrator at the keyboard may do to our table. */
const damages: fc.Arbitrary<(table: NftTable) => NftTable> = fc.tuple(fc.nat(10), fc.nat(500)).map(([what, seed]) => {
  const withChain = (table: NftTable, name: string, chain: NftChain): NftTable => ({
    ...table,
    chains: new Map([...table.chains, [name, chain]]),
  });
  const withSet = (table: NftTable, name: string, set: NftSet): NftTable => ({
    ...table,
    sets: new Map([...table.sets, [name, set]]),
  });
  return (table) => {
    const [chainName, chain] = pick(table.chains, seed) ?? ['', { rules: [] }];
    const [setName, set] = pick(table.sets, seed) ?? ['', emptySet('number')];
    const [mapName, map] = pick(table.maps, seed) ?? ['', emptyMap('number:verdict')];
    switch (what) {
      case 0:
        return withChain(table, chainName, { ...chain, rules: chain.rules.slice(1) });
      case 1: {
        const foreign: Rule = { kind: 'foreign', text: '[{"accept":null}]' };
        return withChain(table, chainName, { ...chain, rules: [foreign, ...chain.rules] });
      }
      case 2:
        return withChain(table, chainName, { ...chain, rules: chain.rules.toReversed() });
      case 3:
        return withChain(table, 'My_Chain', { rules: [] });
      case 4:
        return withChain(table, 'c4_mine', { rules: [{ kind: 'foreign', text: '[{"drop":null}]' }] });
      case 5:
        return withSet(table, setName, { ...set, elements: BucketMap.empty() });
      case 6:
        return withSet(table, 'recheck4', { type: 'address4', elements: BucketMap.from([['10.0.0.1', true]]) });
      case 7:
        return { ...table, maps: new Map([...table.maps, [mapName, { ...map, elements: BucketMap.empty() }]]) };
      case 8:
        return { ...table, foreign: ['counter mine'] };
      case 9:
        return withSet(table, 'm_owner', emptySet('number', 'nobody'));
      default:
        return withSet(table, setName, { ...set, comment: 'mine' });
    }
  };
});

/** The tables before the first step and after each. */
function tablesOnTheWay(start: NftTable | undefined, steps: readonly NftStep[]): readonly (NftTable | undefined)[] {
  const tables = [start];
  let now = start;
  for (const step of steps) {
    if (step.does === 'transaction') {
      now = execute(now, step.operations);
      expect(text(now)).toBe(text(step.after));
    }
    tables.push(now);
  }
  return tables;
}

function text(table: NftTable | undefined): string {
  return table === undefined ? 'none' : renderTable(table);
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
      tries(8, 3),
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
      tries(5, 2),
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
      tries(8, 3),
    );
  });

  test('connections that lost their right or translation end, all others live', () => {
    fc.assert(
      fc.property(rulesetPairs(), many, ([before, after], flows) => {
        const first = end(undefined, before);
        if (first === undefined) throw new Error('no table');
        const steps = stepsTo(first, translate(after));
        for (const flow of flows) {
          const old = evaluate(before, flow);
          if (!old.passes) continue;
          let state: 'live' | 'dead' | 'forgotten' = 'live';
          let now: NftTable | undefined = first;
          for (const step of steps) {
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
            if (judgement === 'Forget' || judgement === 'Restart') state = 'forgotten';
          }
          const now2 = evaluate(after, flow);
          const why = `${formatAddress(flow.source)} to ${formatAddress(flow.destination)}, ${now2.reason}`;
          if (after.established === 'Keep') expect(state, why).toBe('live');
          else if (!now2.passes) expect(state, why).not.toBe('live');
          else if (now2.leavesAs === old.leavesAs) expect(state, why).toBe('live');
          else if (now2.translation?.target.kind === 'Address') expect(state, why).not.toBe('live');
        }
      }),
      tries(16, 6),
    );
  });

  test('mend whatever somebody did to the table', () => {
    fc.assert(
      fc.property(rulesets(), fc.array(damages, { minLength: 1, maxLength: 4 }), (ruleset, list) => {
        const whole = end(undefined, ruleset);
        if (whole === undefined) throw new Error('no table');
        const damaged = list.reduce((table, damage) => damage(table), whole);
        const steps = stepsTo(damaged, translate(ruleset));
        expect(text(tablesOnTheWay(damaged, steps).at(-1))).toBe(text(whole));
        if (text(damaged) !== text(whole)) expect(steps.length).toBeGreaterThan(0);
        for (const step of steps) renderStep(step);
      }),
      tries(12, 4),
    );
  });

  test('leave the addresses of a group that cannot be read as they are, also when the table is rebuilt', () => {
    const payments = (more: { readonly members: BucketMap<true>; readonly held?: true }): Group => ({
      id: 'a4',
      kind: 'AddressGroup',
      family: 4,
      deviceName: 'payments',
      resource: 'AddressGroup/payments',
      use: 'Allow',
      ...more,
    });
    const [drawn] = fc.sample(rulesets({ addressGroups: false }), 1);
    if (drawn === undefined) throw new Error('no ruleset');
    const group = payments({ members: BucketMap.from([['10.0.0.1', true]]) });
    const before: Ruleset = { ...drawn, groups: new Map([...drawn.groups, ['a4', group]]) };
    const broken = payments({ members: BucketMap.empty(), held: true });
    const after: Ruleset = { ...drawn, groups: new Map([...drawn.groups, ['a4', broken]]) };
    const table = end(undefined, before);
    if (table === undefined) throw new Error('no table');
    expect(stepsTo(table, translate(after))).toEqual([]);
    const rebuilt = end({ ...table, foreign: ['counter mine'] }, after);
    expect([...(rebuilt?.sets.get('g4_payments')?.elements.keys() ?? [])]).toEqual(['10.0.0.1']);
    expect(end(undefined, after)?.sets.get('g4_payments')?.elements.size).toBe(0);
  });

  test('refuse the table of another cluster or firewall', () => {
    const [mine, other] = fc.sample(rulesets(), 2);
    if (mine === undefined || other === undefined) throw new Error('no ruleset');
    const table = end(undefined, { ...other, cluster: 'prod-eu' });
    expect(() => stepsTo(table, translate(mine))).toThrow(/belongs to firewall "edge-1" of cluster "prod-eu"/);
  });

  test('leaving takes the table and nothing else', () => {
    expect(stepsToLeave(undefined, { cluster: 'lab', firewall: 'edge-1' })).toEqual([]);
    fc.assert(
      fc.property(rulesets(), (ruleset) => {
        const steps = stepsToLeave(end(undefined, ruleset), ruleset);
        expect(tablesOnTheWay(end(undefined, ruleset), steps).at(-1)).toBeUndefined();
      }),
      tries(2, 1),
    );
  });
});

test("leaving takes nothing that is another cluster's or another firewall's", () => {
  fc.assert(
    fc.property(rulesets(), (ruleset) => {
      const table = end(undefined, ruleset);
      for (const owner of [
        { cluster: 'other', firewall: ruleset.firewall },
        { cluster: ruleset.cluster, firewall: 'other' },
      ])
        expect(() => stepsToLeave(table, owner)).toThrow(expect.objectContaining({ code: 'DEVICE_OWNED' }) as Error);
    }),
    tries(4, 2),
  );
});
