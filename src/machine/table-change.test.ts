import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { RICH, SEEN } from '../../test/kit/machine-worlds.ts';
import { smallMachine } from '../../test/kit/machine.ts';
import { changeTable, leftOf, replaceTable, type TableParts, tableParts } from './table-change.ts';
import { CLOSED_TABLE, linesOf, tableLines } from './table-text.ts';

const rich = smallMachine(RICH, { resolved: SEEN });

/** Does what nft does with commands about rules of one chain; handles are numbers that never come again. */
function obey(commands: string, before: readonly LiveRuleOf[], next: { handle: number }): readonly LiveRuleOf[] {
  let rules = [...before];
  for (const command of commands.split('\n').filter((line) => line !== '')) {
    const [, verb = '', handle, text = ''] =
      /^(add|insert|delete) rule inet firewall forward(?: handle (\d+))? ?(.*)$/.exec(command) ?? [];
    const at = handle === undefined ? -1 : rules.findIndex((rule) => rule.handle === Number(handle));
    if (handle !== undefined && at < 0) throw new Error(`no handle ${handle}`);
    if (verb === 'delete') rules = rules.filter((_, index) => index !== at);
    else
      rules.splice(verb === 'add' && handle === undefined ? rules.length : at + 1, 0, { handle: next.handle++, text });
  }
  return rules;
}
type LiveRuleOf = { readonly handle: number; readonly text: string };

/** Equal rules told apart by which of them they are. */
function numbered(rules: readonly string[]): readonly string[] {
  return rules.map((rule, index) => `${rule}${rules.slice(0, index).filter((each) => each === rule).length}`);
}

/** The length of the longest common subsequence, by the book. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  const rows = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0));
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const row = rows[i] ?? [];
      const above = rows[i - 1] ?? [];
      row[j] = a[i - 1] === b[j - 1] ? (above[j - 1] ?? 0) + 1 : Math.max(above[j] ?? 0, row[j - 1] ?? 0);
    }
  return rows.at(-1)?.at(-1) ?? 0;
}

const chain = (rules: readonly string[]): TableParts => ({
  sets: new Map(),
  counters: new Set(),
  chains: new Map([['forward', { hook: 'type filter hook forward priority 1; policy drop;', rules }]]),
  others: '',
});

describe('changing the table', () => {
  test('leads from any rules to any others, and touches none that stay in their order', () => {
    const rule = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 12 }), fc.array(rule, { maxLength: 12 }), (from, to) => {
        const next = { handle: 100 };
        const held = from.map((text, index) => ({ handle: index + 1, text }));
        const handles = held.map(({ handle }) => handle);
        const commands = changeTable(chain(from), chain(to), () => handles) ?? 'none';
        const after = obey(commands, held, next);
        expect(after.map(({ text }) => text)).toEqual(to);
        const left = leftOf(from, to)?.map((place) => handles[place]);
        const isNew = after.some(({ handle }) => handle >= 100);
        expect(left).toEqual(isNew ? undefined : after.map(({ handle }) => handle));
        const stayed = after.filter(({ handle }) => handle < 100).length;
        // Equal rules are told apart by which of them they are, but at both ends, where what is alike stays.
        expect(stayed).toBeGreaterThanOrEqual(longestCommon(numbered(from), numbered(to)));
        expect(stayed).toBeLessThanOrEqual(longestCommon(from, to));
        // One rule more or less touches that rule alone.
        const one =
          changeTable(chain(from), chain([...from.slice(0, 3), 'new', ...from.slice(3)]), () => handles) ?? '';
        expect(one.trim().split('\n')).toHaveLength(1);
      }),
      tries(500, 100),
    );
  });

  test('a table of ours has these parts, read from its text too', () => {
    const parts = tableParts(tableLines(rich.ruleset));
    expect(tableParts(linesOf(rich.text))).toEqual(parts);
    const { sets, counters, chains, others } = parts;
    expect([...sets.keys()]).toEqual([
      'internal_prefixes',
      'internal_prefixes_v6',
      'cluster_prefixes',
      'cluster_prefixes_v6',
      'e91c11d2b23d2393',
      'f5ddc15cc9431afd',
      'ff8218c773b6290a',
    ]);
    expect(sets.get('internal_prefixes')).toEqual({
      declaration: 'type ipv4_addr; flags interval; auto-merge',
      elements: 'elements = { 10.0.0.0/8 }',
    });
    expect(counters.size).toBe(6);
    expect([...chains].map(([name, { rules }]) => `${name} ${rules.length}`)).toEqual(['forward 42', 'postrouting 4']);
    expect(others).toContain('table inet nat {');
  });

  test('what was counted goes on in a table that is replaced', () => {
    const counted = {
      rules: new Map([
        [
          'forward',
          [
            { comment: 'accept established connections', count: { packets: 3, bytes: 30 } },
            { comment: 'gone', count: { packets: 4, bytes: 40 } },
          ],
        ],
      ]),
      counters: new Map([['drop_total', { packets: 5, bytes: 50 }]]),
    };
    const text = [...replaceTable(linesOf(CLOSED_TABLE), counted)].join('');
    expect(text).toContain(
      'ct state established,related counter packets 3 bytes 30 accept comment "accept established',
    );
    expect(text).toContain('counter drop_total {\n\t\tpackets 5 bytes 50\n\t}');
    expect(text.match(/packets \d+ bytes/g)).toHaveLength(2);
  });
});
