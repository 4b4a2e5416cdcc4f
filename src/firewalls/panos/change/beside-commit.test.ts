import { describe, expect, test } from 'vitest';
import { type MemberGroup, type RuleBase, groupKey } from '../../rulebase/model.ts';
import type { Style } from '../entries/entries.ts';
import { newcomerTags } from './beside-commit.ts';

const NEW = '10.0.0.9';
const style = { tags: 'sp-lab.' } as Style;

function group(name: string, members: readonly string[], rest: Partial<MemberGroup> = {}): MemberGroup {
  return { name, family: 4, store: 'Volatile', members: new Set(members), shared: false, mark: '', ...rest };
}

function base(...groups: readonly MemberGroup[]): RuleBase {
  const none = { objects: new Map(), services: new Map(), rules: [], translations: [] };
  return { ...none, groups: new Map(groups.map((one) => [groupKey(one), one])) };
}

interface Places {
  readonly before?: RuleBase;
  readonly after?: RuleBase;
  readonly observed?: RuleBase;
  readonly held?: readonly string[];
  readonly isSure?: boolean;
}

const bank = group('bank', [NEW, '10.0.0.1']);

function tags({
  before = base(bank),
  after = before,
  observed = base(group('bank', [])),
  held = [],
  isSure = true,
}: Places = {}): readonly string[] {
  const places = { addresses: new Set([NEW]), before, after, observed, isSure };
  const own = held.map((tag) => ({ address: NEW, tag }));
  return newcomerTags({ ...places, held: own }, style).map(({ tag }) => tag);
}

describe('tags that newcomers get beside a commit', () => {
  test('of groups that are there, before and after it', () => expect(tags()).toEqual(['sp-lab.bank']));

  test('those that are lacking', () => {
    const both = base(bank, group('bank-6', [NEW]));
    const observed = base(group('bank', []), group('bank-6', []));
    expect(tags({ before: both, observed, held: ['sp-lab.bank'] })).toEqual(['sp-lab.bank-6']);
  });

  test('those that he may have, but not for sure', () =>
    expect(tags({ held: ['sp-lab.bank'], isSure: false })).toEqual(['sp-lab.bank']));

  const none: readonly (readonly [string, Places])[] = [
    [
      'he is in other groups afterwards',
      { after: base(bank, group('more', [NEW])), observed: base(bank, group('more', [])) },
    ],
    ['he is in none of them afterwards', { after: base(group('bank', [])) }],
    ['the group does not run yet', { observed: base() }],
    ['what runs under its name has members of its own', { observed: base(group('bank', [], { store: 'Configured' })) }],
    ['the group shall have members of its own', { before: base({ ...bank, store: 'Configured' }) }],
    ['rules of others name it', { before: base({ ...bank, shared: true }) }],
    ['the address has another tag of ours', { held: ['sp-lab.shop'] }],
    ['it may have another tag of ours', { held: ['sp-lab.shop'], isSure: false }],
    ['he has them', { held: ['sp-lab.bank'] }],
  ];
  test.each(none)('none where %s', (_, places) => expect(tags(places)).toEqual([]));
});
