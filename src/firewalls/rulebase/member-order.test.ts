import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { Role } from './difference.ts';
import { MemberOrder } from './member-order.ts';
import {
  type GroupKey,
  type MemberGroup,
  type ObservedRuleBase,
  type RuleBase,
  type SecurityRule,
  type WantedRuleBase,
  emptyRuleBase,
  groupKey,
  nothingObserved,
} from './model.ts';
import { plainDialect } from './plain-dialect.fixture.ts';
import { stepsBetween } from './steps.ts';

const group = (name: string, ...members: readonly string[]): MemberGroup => ({
  name,
  family: 4,
  store: 'Configured',
  members: new Set(members),
  shared: false,
  mark: 'sallyport:lab:group/test',
});
const keyOf = (name: string): GroupKey => groupKey(group(name));
const rule = (name: string, action: 'Allow' | 'Deny', source: string, to: string): SecurityRule => ({
  name,
  family: 4,
  source: { groups: [keyOf(source)], negate: false },
  destination: { objects: [to], groups: [] },
  services: [],
  action,
  log: false,
  comment: '',
  mark: 'sallyport:lab:layer/test',
});

describe('who joins several groups, or leaves them, one after the other', () => {
  const NAMES = ['a', 'b', 'c'];
  const FLOWS = ['0', '1', '2'];
  const lists = fc.array(
    fc.record({
      source: fc.constantFrom(...NAMES),
      action: fc.constantFrom('Allow' as const, 'Deny' as const),
      to: fc.constantFrom(...FLOWS),
    }),
    { maxLength: 7 },
  );
  const allows = (rules: readonly SecurityRule[], groups: readonly GroupKey[], flow: string): boolean =>
    rules.find(({ source, destination }) => groups.includes(source.groups[0] ?? '') && destination.objects[0] === flow)
      ?.action === 'Allow';

  test.each(['joins', 'leaves'] as const)('%s so that he never sends what all of them forbid, or it is told', (is) => {
    let ordered = 0;
    fc.assert(
      fc.property(lists, (drawn) => {
        const rules = drawn.map(({ action, source, to }, at) => rule(`r${at}`, action, source, to));
        const base: RuleBase = { ...emptyRuleBase, rules };
        const denying = new Set(rules.filter(({ action }) => action === 'Deny').flatMap(({ source }) => source.groups));
        const roles = new Map<GroupKey, Role>(
          NAMES.map((name) => [keyOf(name), denying.has(keyOf(name)) ? 'source' : 'allowed']),
        );
        const order = new MemberOrder(base, base, roles);
        const all = NAMES.map(keyOf);
        if (order.isDisordered({ joins: [], leaves: [], [is]: all }, [], [])) return;
        ordered++;
        const sorted = order.sorted(all, is);
        for (let n = 0; n <= all.length; n++) {
          const held = is === 'joins' ? sorted.slice(0, n) : sorted.slice(n);
          for (const flow of FLOWS)
            if (allows(rules, held, flow) && !allows(rules, all, flow))
              throw new Error(`${flow} passes for who is in ${held.join(', ')} alone`);
        }
      }),
      tries(300),
    );
    expect(ordered).toBeGreaterThan(0);
  });
});

const objects = new Map(
  ['10.0.0.1', '10.0.0.0/24', '203.0.113.0/24', '198.51.100.0/24'].map((value) => [
    value,
    { name: value, family: 4 as const, kind: 'Range' as const, value, mark: '' },
  ]),
);
const base = (rules: readonly SecurityRule[], ...groups: readonly MemberGroup[]): RuleBase => ({
  ...emptyRuleBase,
  objects,
  groups: new Map(groups.map((one) => [groupKey(one), one])),
  rules,
});
const networks = group('networks', '10.0.0.0/24');
const strangers = rule('strangers', 'Deny', 'networks', '203.0.113.0/24');
const wish = (rules: readonly SecurityRule[], ...groups: readonly MemberGroup[]): WantedRuleBase => ({
  ...base(rules, ...groups, networks),
  layout: 'Class',
  held: new Set(),
  adopt: new Set(),
  networks: PrefixSet.parse(['10.0.0.0/24']),
});

describe('who leaves all groups while the deny for strangers comes or goes', () => {
  const own = rule('own', 'Deny', 'class', '203.0.113.0/24');
  const to = (...rules: readonly SecurityRule[]): WantedRuleBase => wish(rules, group('class'));
  const before = { ...nothingObserved, ...base([own], group('class', '10.0.0.1')) };

  test('leaves after it stands, and nothing is exposed', () => {
    const steps = stepsBetween(before, to(own, strangers), plainDialect);
    const kinds = steps.flatMap(({ operations }) => operations.map(({ kind }) => kind));
    expect(kinds).toEqual(['MakeGroup', 'InsertRule', 'ChangeMembers']);
    expect(steps.filter(({ exposes }) => exposes !== undefined)).toEqual([]);
  });

  test('is told as open where his own rules change too', () => {
    const other = rule('other', 'Deny', 'class', '198.51.100.0/24');
    const [first] = stepsBetween(before, to(other, strangers), plainDialect);
    expect(first?.exposes?.direction).toBe('open');
  });

  test('and who joins a group whose rules change while that deny goes is told as open', () => {
    const other = rule('other', 'Deny', 'class', '198.51.100.0/24');
    const old = { ...nothingObserved, ...base([own, strangers], group('class'), networks) };
    const wanted = { ...to(other), ...base([other], group('class', '10.0.0.1')), networks: PrefixSet.empty };
    expect(stepsBetween(old, wanted, plainDialect)[0]?.exposes?.direction).toBe('open');
  });
});

describe('who leaves all groups while the deny for strangers reaches further, after half a change', () => {
  const far = '198.51.100.0/24';
  const governed = (...members: readonly string[]): MemberGroup => group('governed', ...members);
  const unknown: SecurityRule = {
    ...rule('strangers', 'Deny', 'networks', ''),
    destination: { objects: [], groups: [keyOf('governed')] },
  };
  const own = rule('own', 'Deny', 'class', far);
  const stepsOf = (rules: readonly SecurityRule[], wanted: readonly SecurityRule[]): ReturnType<typeof stepsBetween> =>
    stepsBetween(
      { ...nothingObserved, ...base(rules, group('class', '10.0.0.1'), networks, governed('203.0.113.0/24')) },
      wish(wanted, group('class'), governed('203.0.113.0/24', far)),
      plainDialect,
    );
  const changed = (steps: ReturnType<typeof stepsBetween>): readonly string[] =>
    steps.flatMap(({ operations }) =>
      operations.flatMap((one) => (one.kind === 'ChangeMembers' ? one.group.name : [])),
    );

  test('leaves after it does', () => {
    const steps = stepsOf([own, unknown], [own, unknown]);
    expect(changed(steps)).toEqual(['governed', 'class']);
    expect(steps.filter(({ exposes }) => exposes !== undefined)).toEqual([]);
  });

  test('leaves at once where his rules say nothing of that', () => {
    const near = rule('near', 'Deny', 'class', '203.0.113.0/24');
    expect(changed(stepsOf([near, unknown], [near, unknown]))).toEqual(['class', 'governed']);
  });

  test('is told as open where his own rules change too, and his group takes a faster way', () => {
    const fast = {
      ...plainDialect,
      transaction: Infinity,
      volatile: { form: 'Feed', portion: 9, mixed: true, membersFirst: true },
    } as const;
    const quick = (...members: readonly string[]): MemberGroup => ({
      ...group('class', ...members),
      store: 'Volatile',
    });
    const by = (name: string, to: string): SecurityRule => ({
      ...rule(name, 'Deny', 'class', to),
      source: { groups: [groupKey(quick())], negate: false },
    });
    const [mine, more] = [by('own', far), by('more', '203.0.113.0/24')];
    const now = base([mine, unknown], quick('10.0.0.1'), networks, governed('203.0.113.0/24'));
    const wanted = wish([mine, more, unknown], quick(), governed('203.0.113.0/24', far));
    const [first] = stepsBetween({ ...nothingObserved, ...now }, wanted, fast);
    expect(first?.exposes).toMatchObject({ direction: 'open', flows: expect.stringContaining('10.0.0.1') as string });
  });
});

describe('who is denied by one group and allowed by another that goes, or comes', () => {
  const hold = rule('hold', 'Deny', 'held', '203.0.113.0/24');
  const allow = rule('allow', 'Allow', 'class', '203.0.113.0/24');
  const held = group('held', '10.0.0.1');
  const before = {
    ...nothingObserved,
    ...base([hold, allow, strangers], held, group('class', '10.0.0.1'), networks),
  };

  /** In order; steps of which none exposes anything. */
  const kinds = (...[now, wanted]: readonly [ObservedRuleBase, WantedRuleBase]): readonly string[] => {
    const steps = stepsBetween(now, wanted, plainDialect);
    expect(steps.filter(({ exposes }) => exposes !== undefined)).toEqual([]);
    return steps.flatMap(({ operations }) => operations.map(({ kind }) => kind));
  };

  test('leaves what denies when nothing allows any more', () => {
    const done = kinds(before, wish([hold, strangers], group('held')));
    expect(done.slice(0, 2)).toEqual(['RemoveRule', 'ChangeMembers']);
  });

  test('leaves it no sooner for another class', () => {
    const other = rule('other', 'Deny', 'other', '203.0.113.0/24');
    const now = { ...before, ...base([hold, allow, other, strangers], ...before.groups.values(), group('other')) };
    const wanted = wish([hold, other, strangers], group('held'), group('other', '10.0.0.1'));
    expect(kinds(now, wanted).slice(0, 3)).toEqual(['ChangeMembers', 'RemoveRule', 'ChangeMembers']);
  });

  test('is denied before the other one comes that allows him', () => {
    const now = { ...nothingObserved, ...base([hold, strangers], group('held'), networks) };
    const wanted = wish([hold, allow, strangers], held, group('class', '10.0.0.1'));
    expect(kinds(now, wanted)).toEqual(['ChangeMembers', 'MakeGroup', 'InsertRule']);
  });

  test('is told as open where each denies what the other one allows', () => {
    const [deny, too] = [
      rule('deny', 'Deny', 'class', '198.51.100.0/24'),
      rule('too', 'Allow', 'held', '198.51.100.0/24'),
    ];
    const now = { ...before, ...base([hold, deny, too, allow, strangers], ...before.groups.values()) };
    const [first] = stepsBetween(now, wish([hold, too, strangers], group('held')), plainDialect);
    expect(first?.exposes?.direction).toBe('open');
  });

  test('is told as open where the rules that he keeps change, and what is to deny him too', () => {
    const [hold2, allow2] = [
      rule('hold2', 'Deny', 'held', '198.51.100.0/24'),
      rule('allow2', 'Allow', 'class', '198.51.100.0/24'),
    ];
    const own = group('class', '10.0.0.1');
    const now = { ...nothingObserved, ...base([hold, allow, strangers], group('held'), own, networks) };
    const [first] = stepsBetween(now, wish([hold2, allow2, strangers], held, own), plainDialect);
    expect(first?.exposes?.direction).toBe('open');
  });

  test('is told as open where what denies changes too', () => {
    const other = rule('other', 'Deny', 'held', '198.51.100.0/24');
    const [first] = stepsBetween(before, wish([other, strangers], group('held')), plainDialect);
    expect(first?.exposes?.direction).toBe('open');
  });
});
