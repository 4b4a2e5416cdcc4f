import { describe, expect, test } from 'vitest';
import { type AskedRule, type Passage, passageByOneOf, passageOf } from './passage.ts';
import { type Truth, allOf, anyOf, doubt, not } from './truth.ts';

const users = doubt('it is for users');

function theirs(where: string, matches: Truth, allows: Truth): AskedRule {
  return { rule: { where, text: '', effect: 'unknown' }, isOurs: false, matches, allows, isInspected: false };
}
const ours = (matches: Truth, allows: boolean): AskedRule => ({ ...theirs('ours', matches, allows), isOurs: true });

/** `drops: a?, ours` */
function told(...asked: Parameters<typeof passageOf>): string {
  const { outcome, deciders } = passageOf(...asked);
  const who = deciders.map(({ by, rule, because }) => `${rule?.where ?? by}${because.length === 0 ? '' : '?'}`);
  return `${outcome}: ${who.join(', ')}`;
}

describe('what may decide', () => {
  const nothingElse = { wish: 'leaves', place: 0, end: false } as const;

  test('the first rule that matches, or the end', () => {
    const rules = [theirs('a', false, true), theirs('b', true, true), theirs('c', true, false)];
    expect(told({ rules, ...nothingElse })).toBe('passes: b');
    expect(told({ rules: [theirs('a', false, true)], ...nothingElse })).toBe('drops: end');
  });

  test('one that nobody can judge leaves it open, unless both ways come to the same', () => {
    expect(told({ rules: [theirs('a', users, true), theirs('b', true, false)], ...nothingElse })).toBe(
      'unknown: a?, b',
    );
    expect(told({ rules: [theirs('a', users, false), theirs('b', true, false)], ...nothingElse })).toBe('drops: a?, b');
    expect(told({ rules: [theirs('a', users, true)], ...nothingElse })).toBe('unknown: a?, end');
    expect(told({ rules: [theirs('a', true, users)], ...nothingElse })).toBe('unknown: a?');
  });

  test('our block where it will stand, if it is not there yet', () => {
    const rules = [theirs('a', false, false), theirs('b', true, false)];
    expect(told({ rules, wish: 'passes', place: 1, end: false })).toBe('passes: ours');
    expect(told({ rules, wish: 'passes', place: 2, end: false })).toBe('drops: b');
    expect(told({ rules, wish: 'passes', place: undefined, end: false })).toBe('unknown: ours?, b');
    expect(told({ rules, wish: 'drops', place: undefined, end: false })).toBe('drops: ours?, b');
    expect(told({ rules, wish: 'leaves', place: undefined, end: false })).toBe('drops: b');
  });

  test('among ours, those above the one of ours that decides', () => {
    const rules = [ours(false, true), theirs('a', true, false), ours(true, true), theirs('b', true, false)];
    expect(told({ rules, wish: 'passes', place: undefined, end: false })).toBe('drops: a');
    const [first, a, second, b] = rules as [AskedRule, AskedRule, AskedRule, AskedRule];
    expect(told({ rules: [first, second, a, b], wish: 'passes', place: undefined, end: false })).toBe('passes: ours');
    expect(told({ rules: [b, second], wish: 'passes', place: undefined, end: false })).toBe('drops: b');
  });

  test('while ours on the device do not say what they shall, both are possible', () => {
    const rules = [ours(true, true), theirs('a', true, true)];
    expect(told({ rules, wish: 'drops', place: undefined, end: false })).toBe('unknown: ours?, ours?');
    expect(told({ rules, wish: 'leaves', place: undefined, end: false })).toBe('passes: ours?, a');
    const gone = [ours(false, true), theirs('a', true, true), ours(false, true)];
    expect(told({ rules: gone, wish: 'passes', place: undefined, end: false })).toBe('passes: a?, ours?');
  });

  test('one of ours that nobody can judge may decide before those of others behind it', () => {
    const rules = [ours(users, true), theirs('a', true, false), ours(true, true)];
    expect(told({ rules, wish: 'passes', place: undefined, end: false })).toBe('unknown: a?, ours?');
  });

  test('one of ours that does what nobody can tell says nothing that is wanted', () => {
    const odd: AskedRule = { ...ours(true, true), allows: doubt('its action ipsec') };
    for (const wish of ['passes', 'drops'] as const)
      expect(passageOf({ rules: [odd], wish, place: undefined, end: false }).outcome).toBe('unknown');
  });

  test('by whichever interface it comes', () => {
    const by = (truth: Truth) => passageOf({ rules: [theirs('a', truth, true)], ...nothingElse });
    expect(passageByOneOf([['it comes by p1', by(true)]]).outcome).toBe('passes');
    expect(
      passageByOneOf([
        ['it comes by p1', by(true)],
        ['it comes by p3', by(true)],
      ]).deciders,
    ).toHaveLength(1);
    const differ = passageByOneOf([
      ['it comes by p1', by(true)],
      ['it comes by p3', by(false)],
    ]);
    expect(differ.outcome).toBe('unknown');
    expect(differ.retranslated).toBe(undefined);
    const other = { ...by(false), retranslated: true } as const;
    expect(
      passageByOneOf([
        ['it comes by p1', by(true)],
        ['it comes by p3', other],
      ]).retranslated,
    ).toBe(true);
    const leaving = (source: string, passes = true) => ({ ...by(passes), leaves: { source } });
    const leavesBy = (...passages: readonly Passage[]) =>
      passageByOneOf(passages.map((one, at) => [`it comes by p${at}`, one] as const)).leaves?.source;
    expect(leavesBy(leaving('192.0.2.1'), leaving('192.0.2.1', false))).toBe('192.0.2.1');
    expect(leavesBy(leaving('192.0.2.1'), leaving('192.0.2.2'))).toBe(undefined);
    expect(leavesBy(leaving('192.0.2.1'), by(true))).toBe(undefined);
    expect(differ.deciders.map(({ because }) => because)).toEqual([['it comes by p1'], ['it comes by p3']]);
  });
});

test('what is surely so, surely not, and neither', () => {
  const parts = (...truths: readonly Truth[]) => truths.map((truth) => () => truth);
  expect(allOf(parts(true, users, false))).toBe(false);
  expect(allOf(parts(true, users))).toEqual(users);
  expect(anyOf(parts(false, users, true))).toBe(true);
  expect(anyOf(parts(false, users, doubt('b')))).toEqual(doubt('it is for users', 'b'));
  expect([allOf([]), anyOf([]), not(true), not(users)]).toEqual([true, false, false, users]);
});
