import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cwnp, firewall, smallMachine } from '../../test/kit/machine.ts';
import { tries } from '../../test/kit/runs.ts';
import { isMostlyNew, placedInKernel, wholeInKernel } from './late-rules.ts';
import { tableParts, type TableParts } from './table-change.ts';
import { type TableLines, tableLines } from './table-text.ts';

/** Policies that each open some ports to a net of their own. */
const world = (policies: readonly (readonly [number, number])[], log = false): readonly TableLines[] =>
  tableLines(
    smallMachine(
      firewall(`{ logAcceptedConnections: ${String(log)}, rateLimits: [{ networkID: internet, rate: 5 }] }`) +
        policies
          .map(([name, port]) =>
            cwnp(
              `p${name}`,
              `{ egress: [${Array.from({ length: 20 }, (_, n) => `{ to: [{ cidr: 192.0.${name % 250}.${n}/32 }], ports: [{ port: ${port} }] }`).join(', ')}] }`,
            ),
          )
          .join(''),
    ).ruleset,
  );
const many = Array.from({ length: 110 }, (_, name) => [name, 443] as const);
const large = world(many);
const rulesOf = (parts: TableParts, chain: string): readonly string[] => parts.chains.get(chain)?.rules ?? [];
/** Everything that is there, in the order in which a packet meets it. */
const met = (parts: TableParts): readonly string[] =>
  rulesOf(parts, 'forward').flatMap((rule) => (rule === 'jump late' ? rulesOf(parts, 'late') : [rule]));

describe('rules that come late into a large table', () => {
  test('a small table is as it is written', () => {
    const parts = tableParts(world(many.slice(0, 20)));
    expect(placedInKernel(parts, undefined)).toBe(parts);
  });

  test('a large one, written whole, is laid out as the kernel is to hold it', () => {
    const placed = placedInKernel(tableParts(large), undefined);
    expect(tableParts(wholeInKernel(large, placed))).toEqual(placed);
    expect(met(placed)).toEqual(rulesOf(tableParts(large), 'forward'));
  });

  test('a new policy comes late, one that goes leaves alone, and a packet meets the same rules', () => {
    const number = fc.integer({ min: 0, max: 120 });
    const worlds = fc.array(
      fc.tuple(fc.array(fc.tuple(number, fc.constantFrom(80, 8080)), { maxLength: 4 }), fc.boolean()),
      {
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(worlds, (steps) => {
        let held = placedInKernel(tableParts(large), undefined);
        for (const [changes, log] of steps) {
          const policies = new Map([...many, ...changes]);
          const wanted = tableParts(world([...policies], log));
          held = placedInKernel(wanted, held);
          expect(met(held).toSorted()).toEqual(rulesOf(wanted, 'forward').toSorted());
          // Nothing that opens stands before what denies, and what logs stands before what it tells of.
          const order = met(held);
          const last = order.findLastIndex((rule) => / drop( comment|$)/.test(rule));
          expect(order.findIndex((rule) => rule.includes('accept traffic'))).toBeGreaterThan(
            order.findIndex((rule) => rule.includes('accept icmp')),
          );
          expect(last).toBeLessThan(order.findIndex((rule) => rule.includes('accept icmp')));
          for (const [at, rule] of order.entries())
            if (rule.includes('limit rate 10/second log prefix "nftables-firewall-accepted'))
              expect(order[at + 1]?.startsWith(rule.slice(0, rule.indexOf('limit rate')))).toBe(true);
        }
      }),
      tries(3, 1),
    );
  });

  test('one policy more touches no rule of the others', () => {
    const held = placedInKernel(tableParts(large), undefined);
    const next = placedInKernel(tableParts(world([...many, [115, 80]])), held);
    expect(rulesOf(next, 'forward')).toEqual(rulesOf(held, 'forward'));
    expect(rulesOf(next, 'late')).toHaveLength(20);
  });

  test('a large table that was small is mostly new; one that grows by a part, or is small itself, is not', () => {
    const [small, some, all] = [many.slice(0, 2), many.slice(0, 60), many].map((each) => tableParts(world(each)));
    if (small === undefined || some === undefined || all === undefined) throw new Error('there are three');
    expect([isMostlyNew(small, all), isMostlyNew(some, all), isMostlyNew(small, some)]).toEqual([true, false, false]);
  });

  test('when too many are late, all are put in their places', () => {
    const held = placedInKernel(tableParts(large), undefined);
    const next = placedInKernel(tableParts(world(many.map(([name]) => [name, 80] as const))), held);
    expect([rulesOf(next, 'late').length, rulesOf(next, 'forward').length]).toEqual([
      0,
      rulesOf(held, 'forward').length,
    ]);
  });
});
