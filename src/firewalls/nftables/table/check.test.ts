import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../../test/kit/runs.ts';
import { rulesetPairs } from '../../../../test/kit/rulesets.ts';
import { refuseUnsafe } from './check.ts';
import { renderStep, stepsTo } from '../change/steps.ts';
import { translate } from './translate.ts';

describe('our own output', () => {
  test('passes, whatever users write', () => {
    fc.assert(
      fc.property(rulesetPairs({ hostile: true, domains: true }), ([before, after]) => {
        const first = stepsTo(undefined, translate(before));
        const table = first.findLast((step) => step.does === 'transaction')?.after;
        for (const step of [...first, ...stepsTo(table, translate(after))]) refuseUnsafe(renderStep(step) ?? '');
      }),
      tries(50, 10),
    );
    expect(refuseUnsafe('create element inet sallyport m_rev { 7 }\n')).toMatch(/7/);
  });

  test.each([
    ['a plain interval set', 'add set inet sallyport n4_a { type ipv4_addr; flags interval; }'],
    ['auto-merge', 'add set inet sallyport n4_a { type ipv4_addr . inet_proto; flags interval; auto-merge; }'],
    ['an anonymous set', 'add rule inet sallyport c4_a meta l4proto { 6, 17 } accept'],
    ['an emptied base chain', 'flush chain inet sallyport forward'],
    ['a deleted base chain', 'delete chain inet sallyport postrouting'],
    [
      'a base chain that drops',
      'add chain inet sallyport forward { type filter hook forward priority 0; policy drop; }',
    ],
    ['a flushed ruleset', 'flush ruleset'],
    ['a flushed table', 'flush table inet sallyport'],
    ['another table', 'delete table inet filter'],
    ['another table in a rule', 'add rule inet filter c4_a accept'],
    ['a keyword as a name', 'add chain inet sallyport drop'],
    ['a name without prefix', 'add chain inet sallyport payments'],
    ['a comment that ends early', 'add rule inet sallyport c4_a accept comment "a"; flush ruleset #"'],
    ['a variable in a log prefix', 'add rule inet sallyport c4_a log prefix "sp:$a" group 7'],
    ['a comment that is too long', `add rule inet sallyport c4_a accept comment "${'a'.repeat(121)}"`],
    ['two commands in one', 'add rule inet sallyport c4_a accept; flush ruleset'],
    ['a hidden end', 'add rule inet sallyport c4_a accept # comment'],
    ['an element with more', 'add element inet sallyport g4_a { 10.0.0.1 } ; flush ruleset'],
    ['a set with a hostile comment', 'add set inet sallyport g4_a { type ipv4_addr; comment "ü"; }'],
    ['an include', 'include "/etc/passwd"'],
  ])('never holds %s', (_what, line) => {
    expect(() => refuseUnsafe(`${line}\n`)).toThrow(/refused to send/);
  });
});
