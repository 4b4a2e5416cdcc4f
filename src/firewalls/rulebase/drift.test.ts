import { beforeAll, expect, test } from 'vitest';
import { smallRuleset } from '../../../test/kit/small-ruleset.ts';
import { driftSince } from './drift.ts';
import { type MemberGroup, type ObservedRuleBase, type WantedRuleBase, groupKey, nothingObserved } from './model.ts';
import { plainDialect, plainOptions, writeAtOnce } from './plain-dialect.fixture.ts';
import { stepsBetween } from './steps.ts';
import { RuleBaseTranslator } from './translator.ts';

let wanted: WantedRuleBase;
let base: ObservedRuleBase;
let group: MemberGroup;

beforeAll(async () => {
  const ruleset = smallRuleset({
    policies: {
      web: [
        { action: 'Deny', to: '203.0.113.7/32' },
        { protocol: 6, port: 443 },
      ],
    },
    members: { '10.0.0.1': 'web', '10.0.0.2': 'web' },
    translations: { '10.0.0.1': '198.18.0.1' },
  });
  const translator = new RuleBaseTranslator(plainOptions, writeAtOnce);
  await translator.prepare(ruleset, plainDialect, new AbortController().signal);
  ({ wanted } = translator.translate(ruleset, plainDialect));
  base = { ...nothingObserved, ...wanted };
  const found = [...wanted.groups.values()].find(({ name }) => name.startsWith('sp-web-'));
  if (found === undefined) throw new Error('no group');
  group = found;
});

function withGroups(change: (groups: Map<string, MemberGroup>) => void): ObservedRuleBase {
  const groups = new Map(base.groups);
  change(groups);
  return { ...base, groups };
}

test('nothing is told where nobody changed anything', () => {
  expect(driftSince(wanted, base)).toEqual([]);
});

test.each<[string, () => ObservedRuleBase, RegExp]>([
  [
    'a member added by hand',
    () => withGroups((all) => all.set(groupKey(group), { ...group, members: new Set([...group.members, '10.9.9.9']) })),
    /^sp-web-\w+: members were added: 10\.9\.9\.9$/,
  ],
  [
    'a member taken out',
    () => withGroups((all) => all.set(groupKey(group), { ...group, members: new Set(['10.0.0.1']) })),
    /^sp-web-\w+: members were taken out: 10\.0\.0\.2$/,
  ],
  [
    'a group that was renamed',
    () =>
      withGroups((all) => {
        all.delete(groupKey(group));
        const renamed = { ...group, name: 'my-servers' };
        all.set(groupKey(renamed), renamed);
      }),
    /^sp-web-\w+: the group was renamed to my-servers$/,
  ],
  [
    'a rule that was changed',
    () => ({ ...base, rules: base.rules.map((rule, at) => (at === 0 ? { ...rule, action: 'Allow' as const } : rule)) }),
    /^sp-web\.0-\w+: action was "Deny" and is "Allow"$/,
  ],
  [
    'a rule that was switched off',
    () => ({ ...base, rules: base.rules.map((rule, at) => (at === 0 ? { ...rule, strange: 'disabled' } : rule)) }),
    /^sp-web\.0-\w+: says what we never say: disabled$/,
  ],
  ['a rule that was removed', () => ({ ...base, rules: base.rules.slice(1) }), /^sp-web\.0-\w+: the rule was removed/],
  [
    'rules in another order',
    () => ({ ...base, rules: [...base.rules.slice(1), ...base.rules.slice(0, 1)] }),
    /^sp-web\.0-\w+: the rules were put in another order: here stands sp-/,
  ],
  [
    'a rule of others between ours',
    () => ({ ...base, strays: new Set([base.rules[0]?.name ?? '']) }),
    /^sp-web\.0-\w+: stands apart from our block/,
  ],
  [
    'an address object that says something else',
    () => ({
      ...base,
      objects: new Map([...base.objects].map(([name, one], at) => [name, at === 0 ? { ...one, value: '?' } : one])),
    }),
    /: was removed or changed$/,
  ],
  [
    'a service that says something else',
    () => ({
      ...base,
      services: new Map(
        [...base.services].map(([name, one]) => [name, { ...one, match: { ...one.match, protocols: [17] } }]),
      ),
    }),
    /: protocol, ports, source ports and type of the service were "6 443 \* \*" and are "17 443 \* \*"$/,
  ],
  [
    'a service that was removed',
    () => ({ ...base, services: new Map() }),
    /: the service was removed, or its mark was$/,
  ],
  [
    'another translation',
    () => ({
      ...base,
      translations: base.translations.map((one) => ({
        ...one,
        to: { kind: 'Address' as const, address: '198.18.0.9' },
      })),
    }),
    /: translated to was "198\.18\.0\.1" and is "198\.18\.0\.9"$/,
  ],
])('%s is told, with what it was and what it is, and mended', (_what, found, text) => {
  const drift = driftSince(wanted, found());
  expect(drift).toHaveLength(1);
  expect(`${drift[0]?.object}: ${drift[0]?.what}`).toMatch(text);
  expect(stepsBetween(found(), wanted, plainDialect).length).toBeGreaterThan(0);
});
