import fc from 'fast-check';
import { expect, test } from 'vitest';
import { execute } from '../../../../test/kit/nft-kernel.ts';
import { rulesetPairs, rulesets, withOtherMembers } from '../../../../test/kit/rulesets.ts';
import { tries } from '../../../../test/kit/runs.ts';
import { flowOf, packets } from '../../../../test/kit/universe.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import { evaluate } from '../../../border/evaluate.ts';
import type { BorderRule, Class, Group, Ruleset, Stage } from '../../../border/ruleset.ts';
import type { Flow } from '../../../engine/flows/flow-set.ts';
import { formatAddress } from '../../../ip/address.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import { decide, firstPacket } from '../meaning/walk.ts';
import type { NftSet, NftTable } from '../table/model.ts';
import type { Operation } from '../table/operation.ts';
import { translate } from '../table/translate.ts';
import { stepsTo } from './steps.ts';

const INTERVALS: ReadonlySet<string> = new Set(['net4', 'net6', 'service']);

interface Committed {
  readonly before: NftTable;
  readonly after: NftTable;
  readonly operations: readonly Operation[];
}

/** The transactions from one ruleset to another, but for one that makes the whole table anew. */
function transactions(before: Ruleset, after: Ruleset): readonly Committed[] {
  const committed: Committed[] = [];
  let now: NftTable | undefined;
  for (const ruleset of [before, after])
    for (const step of stepsTo(now, translate(ruleset))) {
      if (step.does !== 'transaction') continue;
      const next = execute(now, step.operations);
      if (now !== undefined && next !== undefined && !step.operations.some(({ op }) => op === 'addTable'))
        committed.push({ before: now, after: next, operations: step.operations });
      now = next;
    }
  return committed;
}

/** What packets meet while the rest of a commit goes on: all is new, but of the intervals that change only the first ones. */
function* lagging({ before, after, operations }: Committed): Generator<NftTable> {
  const named = operations.flatMap((operation) => {
    if (operation.op === 'addSet') return INTERVALS.has(operation.set.type) ? [operation.name] : [];
    if (operation.op !== 'addElements' && operation.op !== 'deleteElements') return [];
    return INTERVALS.has(operation.type) ? [operation.set] : [];
  });
  const order = [...new Set(named)].filter((name) => after.sets.has(name));
  for (let there = 0; there < order.length; there++) {
    const sets = new Map(after.sets);
    for (const name of order.slice(there)) sets.set(name, before.sets.get(name) ?? emptied(after.sets.get(name)));
    yield { ...after, sets };
  }
}

function emptied(set: NftSet | undefined): NftSet {
  return { type: set?.type ?? 'service', elements: BucketMap.empty() };
}

/** What a packet meets that began with the rules of before: the elements of maps and hash sets are new from its `met`th look at one on. */
function underWay({ before, after }: Committed, met: number): NftTable {
  let looks = 0;
  const latest = <T>(old: T | undefined, fresh: T | undefined): T | undefined => (looks++ < met ? old : fresh);
  class Sets extends Map<string, NftSet> {
    override get(name: string): NftSet | undefined {
      const old = before.sets.get(name);
      if (old === undefined && !after.sets.has(name)) return undefined;
      return old !== undefined && INTERVALS.has(old.type) ? old : latest(old, after.sets.get(name));
    }
  }
  class Maps extends Map<string, NonNullable<ReturnType<NftTable['maps']['get']>>> {
    override get(name: string): ReturnType<NftTable['maps']['get']> {
      return latest(before.maps.get(name), after.maps.get(name));
    }
  }
  // A chain that comes with the transaction has no rules for it, as if it were not there.
  return { sets: new Sets(), maps: new Maps(), chains: before.chains, foreign: [] };
}

function fateBy(ruleset: Ruleset, flow: Flow): string {
  const { passes, leavesAs } = evaluate(ruleset, flow);
  return passes ? `passes as ${leavesAs}` : 'dropped';
}

function fateIn(table: NftTable, flow: Flow): string {
  const { passes, leavesAs } = decide(table, firstPacket(flow));
  return passes ? `passes as ${leavesAs}` : 'dropped';
}

function textOf({ source, destination }: Flow): string {
  return `${formatAddress(source)} to ${formatAddress(destination)}`;
}

const many = fc.array(packets(), { minLength: 30, maxLength: 30 }).map((list) => list.map(flowOf));

/** The same with a stage that says the opposite, and with the classes that have it. */
function turned(ruleset: Ruleset, at: number): { readonly ruleset: Ruleset; readonly classes: ReadonlySet<string> } {
  const stagesOf = ({ parts, widened }: Class): readonly Stage[] =>
    [...parts, ...widened].flatMap(({ stages }) => stages);
  const stages = [...new Set([...ruleset.classes.values()].flatMap(stagesOf))];
  const stage = stages[at % Math.max(1, stages.length)];
  if (stage === undefined) return { ruleset, classes: new Set() };
  const opposite = { Allow: 'Deny', Deny: 'Allow', Next: 'Deny', SkipToOwn: 'Deny', Log: 'Log' } as const;
  const rules = stage.rules.map((rule) => ({ ...rule, action: opposite[rule.action] }));
  const other: Stage = { ...stage, rules, end: stage.end === 'Deny' ? 'Next' : 'Deny' };
  const classes = new Set<string>();
  const turn = (one: Class): Class => {
    if (!stagesOf(one).includes(stage)) return one;
    classes.add(one.id);
    const inParts = (parts: Class['parts']): Class['parts'] =>
      parts.map((part) => ({ ...part, stages: part.stages.map((each) => (each === stage ? other : each)) }));
    return { ...one, parts: inParts(one.parts), widened: inParts(one.widened) };
  };
  return {
    ruleset: { ...ruleset, classes: new Map([...ruleset.classes].map(([id, one]) => [id, turn(one)])) },
    classes,
  };
}

/** Two rulesets that have some things in common, each as likely as not: rules, who is in which class, networks of all kinds, translations. */
const alike = fc
  .tuple(rulesets(), rulesets(), fc.nat(20), fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }))
  .chain(([before, other, at, [edits, moves, nets, knows, governs, translates]]) =>
    (moves === true ? withOtherMembers(before) : fc.constant(before)).map((moved): readonly [Ruleset, Ruleset] => {
      const after = edits === true ? turned(moved, at).ruleset : moved;
      const groups = new Map([...after.groups].map(([id, one]) => [id, other.groups.get(id) ?? one]));
      return [
        before,
        {
          ...after,
          ...(nets === true ? { groups } : {}),
          ...(knows === true ? { networks: other.networks } : {}),
          ...(governs === true ? { destinations: other.destinations, inside: other.inside } : {}),
          ...(translates === true ? { nats: [] } : {}),
        },
      ];
    }),
  );

test('while the intervals of a commit come one after the other every packet has its old fate or its new one', () => {
  let lags = 0;
  fc.assert(
    fc.property(fc.oneof(rulesetPairs(), alike), many, ([before, after], flows) => {
      for (const committed of transactions(before, after))
        for (const table of lagging(committed)) {
          lags++;
          for (const flow of flows) {
            const fates = [fateBy(before, flow), fateBy(after, flow)];
            expect(fates, textOf(flow)).toContain(fateIn(table, flow));
            // What is cut then stays cut.
            if (!fates.includes('dropped'))
              expect(decide(table, { ...firstPacket(flow), state: 'established' }).marked, textOf(flow)).toBe(false);
          }
        }
    }),
    { ...tries(120, 40), endOnFailure: true },
  );
  expect(lags).toBeGreaterThan(0);
});

const POD = '10.0.0.1';
const OTHER = '10.0.0.2';
const IN_A = '203.0.113.1';
const IN_B = '198.51.100.1';

type Words = readonly ['Allow' | 'Deny', 'a' | 'b' | 'all'];

/** Two pods and two groups of networks; a class is called by its name, which ends in what it says: rules in their order, and all else. */
function example(
  classes: Readonly<Record<string, readonly [...Words[], 'Allow' | 'Deny']>>,
  members: Readonly<Record<string, string>>,
  nets: Readonly<Record<'a' | 'b', readonly string[]>>,
  networks = '10.0.0.0/8',
): Ruleset {
  const made = Object.entries(classes).map(([id, words]): Class => {
    const rules = words
      .filter((word) => typeof word !== 'string')
      .map(
        ([action, group], rule): BorderRule => ({
          origin: { policy: `ClusterBorderPolicy/${id}`, rule },
          family: 4,
          action,
          outside: { groups: group === 'all' ? [] : [group], notGroups: [], domains: [] },
          widen: false,
        }),
      );
    const stage: Stage = {
      id,
      layer: 'ClusterBorderPolicy',
      name: 'ClusterBorderPolicy',
      rules,
      end: words.at(-1) === 'Deny' ? 'Deny' : 'Next',
      endOrigin: { policy: 'layer/ClusterBorderPolicy' },
    };
    const part = { id, stages: [stage], otherwise: 'Allow', otherwiseOrigin: { policy: 'unselected' } } as const;
    return { id, family: 4, parts: [part], widened: [] };
  });
  const groups = (['a', 'b'] as const).map((id): Group => {
    return { id, kind: 'Outside', family: 4, selector: id, nets: PrefixSet.parse(nets[id]) };
  });
  return {
    firewall: 'edge-1',
    cluster: 'lab',
    destinations: PrefixSet.all,
    inside: PrefixSet.parse(['10.0.0.0/8']),
    networks: PrefixSet.parse([networks]),
    classes: new Map(made.map((one) => [one.id, one])),
    members: BucketMap.from(Object.entries(members)),
    groups: new Map(groups.map((one) => [one.id, one])),
    nats: [],
    established: 'Cut',
  };
}

test.each<[string, Ruleset, Ruleset]>([
  [
    'rules and the networks that they name',
    example({ c: [['Allow', 'a'], 'Deny'] }, { [POD]: 'c' }, { a: ['192.0.2.0/24'], b: [] }),
    example({ c: [['Deny', 'a'], 'Allow'] }, { [POD]: 'c' }, { a: [`${IN_A}/32`], b: [] }),
  ],
  [
    'a network from one group to another',
    example({ c: [['Allow', 'a'], ['Allow', 'b'], 'Deny'] }, { [POD]: 'c' }, { a: [`${IN_A}/32`], b: [`${IN_B}/32`] }),
    example({ c: [['Allow', 'a'], ['Allow', 'b'], 'Deny'] }, { [POD]: 'c' }, { a: [`${IN_B}/32`], b: [`${IN_A}/32`] }),
  ],
  [
    'a pod, and the networks that both its classes ask',
    example(
      { c: [['Allow', 'a'], 'Deny'], d: [['Deny', 'a'], 'Allow'] },
      { [POD]: 'c', [OTHER]: 'd' },
      { a: ['192.0.2.0/24'], b: [] },
    ),
    example(
      { c: [['Allow', 'a'], 'Deny'], d: [['Deny', 'a'], 'Allow'] },
      { [POD]: 'd', [OTHER]: 'c' },
      { a: [`${IN_A}/32`], b: [] },
    ),
  ],
  [
    'a pod that comes, and the networks that its class asks',
    example({ d: [['Deny', 'a'], 'Allow'] }, { [OTHER]: 'd' }, { a: [], b: [] }),
    example({ d: [['Deny', 'a'], 'Allow'] }, { [POD]: 'd', [OTHER]: 'd' }, { a: [`${IN_A}/32`], b: [] }),
  ],
  [
    'a pod that comes where it need not be known any more, and the networks that its class asks',
    example({ d: [['Deny', 'a'], 'Allow'] }, { [OTHER]: 'd' }, { a: [], b: [] }),
    example(
      { d: [['Deny', 'a'], 'Allow'] },
      { [POD]: 'd', [OTHER]: 'd' },
      { a: [`${IN_A}/32`], b: [] },
      '192.0.2.0/24',
    ),
  ],
  [
    'a pod that is left to others, its rules, and who must be known',
    example({ c: [['Allow', 'a'], 'Deny'] }, { [POD]: 'c', [OTHER]: 'c' }, { a: [`${IN_A}/32`], b: [] }),
    example({ c: [['Allow', 'b'], 'Deny'] }, { [OTHER]: 'c' }, { a: [], b: [`${IN_A}/32`] }, '192.0.2.0/24'),
  ],
  [
    'a pod from a class that changes to one that does not',
    example({ c: [['Deny', 'a'], 'Deny'], d: ['Allow'] }, { [POD]: 'c', [OTHER]: 'c' }, { a: [], b: [] }),
    example({ c: [['Allow', 'a'], 'Deny'], d: ['Allow'] }, { [POD]: 'd', [OTHER]: 'c' }, { a: [`${IN_A}/32`], b: [] }),
  ],
])('for nobody there is a moment between what changes at once: %s', (_, one, another) => {
  for (const [before, after] of [
    [one, another],
    [another, one],
  ] as const)
    for (const committed of transactions(before, after))
      for (const source of [POD, OTHER])
        for (const destination of [IN_A, IN_B, '192.0.2.1']) {
          const flow = flowOf({ family: 4, source, destination, protocol: 17, sourcePort: 50_000, destinationPort: 9 });
          const fates = [fateBy(before, flow), fateBy(after, flow)];
          for (const table of [committed.after, ...lagging(committed)])
            expect(fates, textOf(flow)).toContain(fateIn(table, flow));
        }
});

test('who comes to rules that change, or leaves them, meets none that are neither his before nor after', () => {
  const nets = { a: [`${IN_A}/32`], b: [`${IN_B}/32`] };
  const one = example({ c: [['Allow', 'a'], 'Deny'], d: ['Deny'] }, { [POD]: 'd', [OTHER]: 'c' }, nets);
  const another = example({ c: [['Allow', 'b'], 'Deny'], d: ['Deny'] }, { [POD]: 'c', [OTHER]: 'd' }, nets);
  for (const committed of transactions(one, another))
    for (const source of [POD, OTHER])
      for (const destination of [IN_A, IN_B]) {
        const flow = flowOf({ family: 4, source, destination, protocol: 17, sourcePort: 50_000, destinationPort: 9 });
        for (const met of [0, 1, 2, 3])
          expect([fateBy(one, flow), fateBy(another, flow)], `${textOf(flow)} after ${met}`).toContain(
            fateIn(underWay(committed, met), flow),
          );
      }
});

const edits = rulesets({ translations: false }).chain((before) =>
  fc.tuple(withOtherMembers(before), fc.nat(20)).map(([moved, at]) => ({ before, ...turned(moved, at) })),
);

test('who moves because of the edit that changes rules never meets rules of before in his new class', () => {
  let moved = 0;
  fc.assert(
    fc.property(edits, many, ({ before, ruleset: after, classes }, flows) => {
      const changes = (sender: string, { members }: Ruleset): boolean => classes.has(members.get(sender) ?? '');
      for (const committed of transactions(before, after))
        for (const flow of flows) {
          const sender = formatAddress(flow.source);
          const isMoved = before.members.get(sender) !== after.members.get(sender);
          // From one class that changes to another: the one who may.
          if (isMoved && changes(sender, before) && changes(sender, after)) continue;
          if (isMoved && changes(sender, after)) moved++;
          const fates = [fateBy(before, flow), fateBy(after, flow)];
          for (const met of [0, 1, 2, 3])
            expect(fates, `${textOf(flow)} after ${met}`).toContain(fateIn(underWay(committed, met), flow));
        }
    }),
    { ...tries(60, 24), endOnFailure: true },
  );
  expect(moved).toBeGreaterThan(0);
});
