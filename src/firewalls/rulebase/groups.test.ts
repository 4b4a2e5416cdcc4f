import { expect, test } from 'vitest';
import { smallRuleset } from '../../../test/kit/small-ruleset.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import type { Dialect } from './dialect.ts';
import { type ObservedRuleBase, nothingObserved } from './model.ts';
import { plainDialect, plainOptions, writeAtOnce } from './plain-dialect.fixture.ts';
import { stepsBetween } from './steps.ts';
import { RuleBaseTranslator, type WantedAnswer } from './translator.ts';

type AddressGroup = Extract<Group, { kind: 'AddressGroup' }>;

const pushed: Dialect = {
  ...plainDialect,
  volatile: { form: 'Feed', portion: 2, mixed: true, membersFirst: false },
};

function withGroup(members: readonly string[], group: Partial<AddressGroup> = {}): Ruleset {
  const one: AddressGroup = {
    id: 'a4',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'payments',
    resource: 'AddressGroup/payments',
    use: 'Allow',
    members: BucketMap.from(members.map((address) => [address, true as const])),
    ...group,
  };
  return { ...smallRuleset({ policies: {}, members: {} }), groups: new Map([[one.id, one]]) };
}

async function wantedGroups(ruleset: Ruleset, dialect: Dialect): Promise<WantedAnswer> {
  const translator = new RuleBaseTranslator(plainOptions, writeAtOnce);
  await translator.prepare(ruleset, dialect, new AbortController().signal);
  const { wanted, refusals } = translator.translate(ruleset, dialect);
  const shared = new Map([...wanted.groups].filter(([, group]) => group.shared));
  return { wanted: { ...wanted, groups: shared, rules: [], services: new Map(), objects: new Map() }, refusals };
}

/** What the device holds after all steps. */
async function holding(ruleset: Ruleset, dialect: Dialect): Promise<ObservedRuleBase> {
  return { ...nothingObserved, ...(await wantedGroups(ruleset, dialect)).wanted };
}

test.each([
  ['Auto', undefined, 'Allow', pushed, ['Both/Volatile/payments'], []],
  ['Auto for a Deny', undefined, 'Deny', pushed, ['4/Configured/payments'], []],
  ['Group', 'Group', 'Allow', pushed, ['4/Configured/payments'], []],
  ['Auto without a fast way', undefined, 'Allow', plainDialect, ['4/Configured/payments'], []],
  ['Feed', 'Feed', 'Allow', pushed, ['Both/Volatile/payments'], []],
  ['Tag', 'Tag', 'Allow', pushed, [], ['GROUP_FORM spec.as']],
  ['Feed for a Deny', 'Feed', 'Deny', pushed, [], ['GROUP_FORM spec.as']],
  ['Feed without a fast way', 'Feed', 'Allow', plainDialect, [], ['GROUP_FORM spec.as']],
] as const)('as: %s', async (_what, form, use, dialect, keys, codes) => {
  const ruleset = withGroup(['10.0.0.1'], { use, ...(form === undefined ? {} : { form }) });
  const { wanted, refusals } = await wantedGroups(ruleset, dialect);
  expect([...wanted.groups.keys()]).toEqual(keys);
  expect(refusals.map(({ code, path }) => `${code} ${path}`)).toEqual(codes);
  expect(wanted.held.size > 0).toBe(codes.length > 0);
});

test('members come and go in few operations, and what is held stays', async () => {
  const before = await holding(withGroup(['10.0.0.1', '10.0.0.2']), pushed);
  const after = (await wantedGroups(withGroup(['10.0.0.2', '10.0.0.3']), pushed)).wanted;
  const told = stepsBetween(before, after, pushed).flatMap(({ operations }) => operations);
  expect(told).toEqual([expect.objectContaining({ kind: 'ChangeMembers', joins: ['10.0.0.3'], leaves: ['10.0.0.1'] })]);
  expect(stepsBetween(before, (await wantedGroups(withGroup([], { held: true }), pushed)).wanted, pushed)).toEqual([]);
  const [first] = stepsBetween(before, (await wantedGroups(withGroup(['10.0.0.2']), pushed)).wanted, pushed);
  expect(first).toMatchObject({ kind: 'Members', urgent: true, way: 'Volatile' });
});

test('where nothing differs nothing is done, unless a group of others is to be taken over, or stands in the way', async () => {
  const { wanted } = await wantedGroups(withGroup(['10.0.0.1']), plainDialect);
  const [key = '4/Configured/payments', group] = [...wanted.groups][0] ?? [];
  if (group === undefined) throw new Error('nothing is wanted');
  const there: ObservedRuleBase = { ...nothingObserved, ...wanted };
  expect(stepsBetween(there, wanted, plainDialect)).toEqual([]);
  const told = (actual: ObservedRuleBase, to = wanted) =>
    stepsBetween(actual, to, plainDialect).flatMap(({ operations }) => operations.map(({ kind }) => kind));
  expect(told({ ...there, groups: new Map([[key, { ...group, mark: 'another' }]]) })).toEqual(['MarkGroup']);
  const theirs: ObservedRuleBase = {
    ...nothingObserved,
    objects: wanted.objects,
    taken: new Map([[`group ${group.name}` as const, 'group']]),
    adoptable: new Map([[key, { ...group, mark: '' }]]),
  };
  expect(() => told(theirs)).toThrow(/^group "payments" is not ours/);
  expect(told(theirs, { ...wanted, adopt: new Set([group.name]) })).toEqual(['MarkGroup']);
});
