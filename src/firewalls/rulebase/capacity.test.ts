import { expect, test } from 'vitest';
import { smallRuleset } from '../../../test/kit/small-ruleset.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type Capacity, shortages } from './capacity.ts';
import { type ObservedRuleBase, type WantedRuleBase, nothingObserved } from './model.ts';
import { plainDialect, plainOptions, writeAtOnce } from './plain-dialect.fixture.ts';
import { stepsBetween } from './steps.ts';
import { RuleBaseTranslator } from './translator.ts';

const dialect = { ...plainDialect, transaction: 1000 };

async function wantedFor(count: number): Promise<WantedRuleBase> {
  const members = Object.fromEntries(Array.from({ length: count }, (_, n) => [`10.0.0.${n + 1}`, 'web']));
  const ruleset: Ruleset = smallRuleset({ policies: { web: [{ protocol: 6, port: 443 }] }, members });
  const translator = new RuleBaseTranslator(plainOptions, writeAtOnce);
  await translator.prepare(ruleset, dialect, new AbortController().signal);
  return translator.translate(ruleset, dialect).wanted;
}

async function holding(count: number): Promise<ObservedRuleBase> {
  return { ...nothingObserved, ...(await wantedFor(count)) };
}

test.each<[string, Capacity, string]>([
  [
    'an address too many',
    { objects: { most: 1012, others: 1000 } },
    'a plain device would need 16 address objects, where 12 fit',
  ],
  ['a member too many', { members: 9 }, 'a plain device would need 10 members of sp-web-'],
  ['a rule too many', { rules: { most: 5, others: 2 } }, ' rules, where 3 fit'],
])('%s is told before anything is sent', async (_what, capacity, message) => {
  const wanted = await wantedFor(10);
  expect(() => stepsBetween(nothingObserved, wanted, dialect, capacity)).toThrow(
    expect.objectContaining({ code: 'CAPACITY', message: expect.stringContaining(message) as unknown }),
  );
});

test('what just fits is sent whole', async () => {
  const wanted = await wantedFor(10);
  const { objects, rules } = wanted;
  const room = { objects: { most: objects.size, others: 0 }, rules: { most: rules.length + 7, others: 7 } };
  expect(shortages(nothingObserved, wanted, room)).toEqual([]);
  expect(stepsBetween(nothingObserved, wanted, dialect, room).length).toBeGreaterThan(0);
});

test('who leaves leaves, though others do not fit', async () => {
  const before = await holding(5);
  const full = { objects: { most: before.objects.size, others: 0 } };
  const after = await wantedFor(9);
  const key = [...after.groups].find(([, { name }]) => name.startsWith('sp-web-'))?.[0] ?? '';
  const group = after.groups.get(key);
  if (group === undefined) throw new Error('no group');
  const members = new Set([...group.members].filter((member) => member !== '10.0.0.1'));
  const next = { ...after, groups: new Map([...after.groups, [key, { ...group, members }]]) };
  const steps = stepsBetween(before, next, dialect, full);
  expect(steps).toHaveLength(1);
  expect(steps[0]?.operations).toEqual([expect.objectContaining({ joins: [], leaves: ['10.0.0.1'] })]);
});

test('what stands for nobody any more makes room on a full device', async () => {
  const before = await holding(5);
  const after = await wantedFor(4);
  const gone = [...before.objects.values()].filter(({ name }) => !after.objects.has(name));
  const emptied: ObservedRuleBase = { ...before, groups: after.groups };
  const full = { objects: { most: before.objects.size, others: 0 } };
  const next = await wantedFor(6);
  const replaced = { ...next, objects: new Map([...next.objects].filter(([name]) => name !== gone[0]?.name)) };
  expect(gone).toHaveLength(1);
  expect(stepsBetween(emptied, replaced, dialect, full).map(({ operations }) => operations)).toEqual([
    [{ kind: 'RemoveObject', object: gone[0] }],
  ]);
});

test('old and new side by side have to fit as well', async () => {
  const before = await holding(3);
  const other: ObservedRuleBase = {
    ...before,
    rules: before.rules.map((rule) => ({ ...rule, name: `${rule.name}x` })),
  };
  const capacity: Capacity = { rules: { most: before.rules.length + 1, others: 0 } };
  expect(shortages(other, await wantedFor(3), capacity, true)).toEqual([]);
  const found = shortages(other, await wantedFor(3), capacity);
  expect(found).toEqual([
    {
      what: 'rules',
      needed: 2 * before.rules.length,
      room: before.rules.length + 1,
      of: { most: before.rules.length + 1, others: 0 },
      isFinal: false,
    },
  ]);
});
