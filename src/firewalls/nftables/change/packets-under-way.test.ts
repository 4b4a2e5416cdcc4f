import fc from 'fast-check';
import { expect, test } from 'vitest';
import { execute } from '../../../../test/kit/nft-kernel.ts';
import { rulesetPairs, rulesets } from '../../../../test/kit/rulesets.ts';
import { tries } from '../../../../test/kit/runs.ts';
import { flowOf, packets } from '../../../../test/kit/universe.ts';
import { evaluate } from '../../../border/evaluate.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import { decide, firstPacket } from '../meaning/walk.ts';
import { EMPTY_TABLE, type NftTable } from '../table/model.ts';
import { chainOfVerdict, referencesOf } from '../table/references.ts';
import { renderTable } from '../table/render.ts';
import { translate } from '../table/translate.ts';
import { type NftStep, stepsTo } from './steps.ts';

type Transaction = Extract<NftStep, { does: 'transaction' }>;
const NUMBERS: ReadonlySet<string> = new Set(['class_of4', 'class_of6']);
const CLASSES: ReadonlySet<string> = new Set(['class4', 'class6']);
const INTERVALS: ReadonlySet<string> = new Set(['net4', 'net6', 'service']);

/** What a packet that is judged while the transaction is committed may find empty, though what leads to it is in force: named by who leads. */
function emptyForSome(before: NftTable, { operations }: Transaction): readonly string[] {
  const chains = new Set<string>();
  const sets = new Set<string>();
  for (const operation of operations) {
    if (operation.op === 'addChain') chains.add(operation.name);
    if (operation.op === 'addSet' && INTERVALS.has(operation.set.type)) sets.add(operation.name);
  }
  const found: string[] = [];
  const isNumbered = operations.some((one) => one.op === 'addEntries' && NUMBERS.has(one.map));
  for (const operation of operations)
    if (operation.op === 'deleteEntries') {
      // An old number, and then the new map.
      if (isNumbered && CLASSES.has(operation.map)) found.push(`${operation.map} ${operation.keys.join()}`);
    } else if (operation.op === 'addEntries') {
      for (const [key, verdict] of operation.entries) {
        const chain = chainOfVerdict(verdict);
        // An old rule finds the new entry, and keeps the old content of the chain: none.
        if (chain !== undefined && chains.has(chain)) found.push(`${operation.map} ${key} -> ${chain}`);
      }
    } else if (operation.op === 'addRules' && before.chains.has(operation.chain)) {
      // A new rule finds what the set holds in the live copy: nothing, until the commit ends.
      for (const rule of operation.rules)
        for (const set of referencesOf(rule).sets) if (sets.has(set)) found.push(`${operation.chain} -> ${set}`);
    }
  return found;
}

/** The same with other names for its classes, as if each had other rules. */
function renamed(ruleset: Ruleset): Ruleset {
  const other = (id: string): string => `other-${id}`;
  return {
    ...ruleset,
    classes: new Map([...ruleset.classes].map(([id, one]) => [other(id), { ...one, id: other(id) }])),
    members: BucketMap.from([...ruleset.members.entries()].map(([sender, id]) => [sender, other(id)] as const)),
  };
}

/** The same with so many senders more that their classes have numbers. */
function crowded(ruleset: Ruleset): Ruleset {
  const classes = [...ruleset.classes.values()].filter(({ family }) => family === 4);
  const crowd = Array.from({ length: classes.length === 0 ? 0 : 5_001 }, (_, at): [string, string] => {
    return [`10.${77 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`, classes[at % classes.length]?.id ?? ''];
  });
  return { ...ruleset, members: BucketMap.from([...ruleset.members.entries(), ...crowd]) };
}

interface Walk {
  readonly end: NftTable | undefined;
  /** The first one, and the one after each transaction. */
  readonly tables: readonly NftTable[];
  readonly found: readonly string[];
}

function walk(start: NftTable | undefined, ruleset: Ruleset): Walk {
  let end = start;
  const tables = start === undefined ? [] : [start];
  const found: string[] = [];
  for (const step of stepsTo(start, translate(ruleset))) {
    if (step.does !== 'transaction') continue;
    const isMade = step.operations.some(({ op }) => op === 'createTable' || op === 'addTable');
    // A table that is made whole has base chains of its own, which are as old as all that they lead to.
    if (end !== undefined && !isMade) found.push(...emptyForSome(end, step));
    end = execute(end, step.operations);
    if (end !== undefined) tables.push(end);
  }
  return { end, tables, found };
}

test('no packet is led to a chain or to intervals that come in the same transaction', () => {
  fc.assert(
    fc.property(rulesetPairs({ hostile: true }), ([before, after]) => {
      const { end } = walk(undefined, before);
      expect(walk(end, after).found).toEqual([]);
    }),
    tries(16, 6),
  );
});

test('a table that is made is whole, for its own first rules, when all its intervals are there', () => {
  fc.assert(
    fc.property(rulesets({ hostile: true }), (ruleset) => {
      const made = stepsTo(undefined, translate(ruleset))[0];
      if (made?.does !== 'transaction') throw new Error('no table is made');
      const filled = made.operations.flatMap((operation) =>
        operation.op === 'addElements' && INTERVALS.has(operation.type) ? [operation.set] : [],
      );
      expect(filled.slice(-2)).toEqual(['whole4', 'whole6']);
      expect(new Set(filled).size).toBe(filled.length);
    }),
    tries(8, 4),
  );
});

test('no packet is given the number of a class that is not led to any more', () => {
  let left = 0;
  fc.assert(
    fc.property(rulesets(), (ruleset) => {
      const [before, after] = [crowded(ruleset), crowded(renamed(ruleset))];
      const { end } = walk(undefined, before);
      const { found, tables } = walk(end, after);
      expect(found).toEqual([]);
      expect(renderTable(tables.at(-1) ?? EMPTY_TABLE)).toBe(renderTable(translate(after).table));
      left +=
        end?.maps.get('class4')?.elements.difference(tables.at(-1)?.maps.get('class4')?.elements ?? BucketMap.empty())
          .removed.length ?? 0;
    }),
    { ...tries(6, 4), endOnFailure: true },
  );
  expect(left).toBeGreaterThan(0);
});

/** The same with so many networks in each group of networks outside. */
function withNets({ groups, ...rest }: Ruleset, count: number, from: number): Ruleset {
  const group = (one: Group): Group => {
    if (one.kind !== 'Outside') return one;
    const net = (at: number): string =>
      one.family === 4 ? `203.0.113.${at}/32` : `2001:db8:113::${at.toString(16)}/128`;
    return { ...one, nets: PrefixSet.parse(Array.from({ length: count }, (_, at) => net(from + 2 * at))) };
  };
  return { ...rest, groups: new Map([...groups].map(([id, one]) => [id, group(one)])) };
}

test('a set from which many intervals leave is made anew where no rule names it, while another one stands in for it', () => {
  let aside = 0;
  fc.assert(
    fc.property(
      rulesets(),
      fc.array(packets(), { minLength: 10, maxLength: 10 }),
      fc.nat(5),
      (ruleset, flows, death) => {
        const [before, after] = [withNets(ruleset, 60, 0), withNets(ruleset, 60, 1)];
        const { end: start } = walk(undefined, before);
        const { found, tables } = walk(start, after);
        expect(found).toEqual([]);
        const wanted = renderTable(translate(after).table);
        expect(renderTable(tables.at(-1) ?? EMPTY_TABLE)).toBe(wanted);
        // Whoever dies on the way has left nothing that the next one does not tidy up.
        const dead = tables[death % tables.length];
        expect(renderTable(walk(dead, after).end ?? EMPTY_TABLE)).toBe(wanted);
        expect(renderTable(walk(dead, before).end ?? EMPTY_TABLE)).toBe(renderTable(translate(before).table));
        for (const table of tables) {
          aside += [...table.sets.keys()].filter((name) => name.startsWith('y_')).length;
          for (const packet of flows) {
            const flow = flowOf(packet);
            const fate = (of: Ruleset): boolean => evaluate(of, flow).passes;
            expect([fate(before), fate(after)]).toContain(decide(table, firstPacket(flow)).passes);
          }
        }
      },
    ),
    tries(12, 6),
  );
  expect(aside).toBeGreaterThan(0);
});
