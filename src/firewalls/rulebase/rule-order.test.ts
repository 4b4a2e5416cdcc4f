import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { type OrderOperation, orderChange } from './rule-order.ts';

/** A rule as the packets that it takes, and what it does with them. */
interface Rule {
  readonly name: string;
  readonly takes: readonly number[];
  readonly verdict: string;
}

const PACKETS = [0, 1, 2, 3, 4, 5];
const all: readonly Rule[] = PACKETS.flatMap((one) =>
  PACKETS.map(
    (other): Rule => ({
      name: `r${one}${other}`,
      takes: [one, other],
      verdict: (one + other) % 2 === 0 ? 'yes' : 'no',
    }),
  ),
);

const lists = fc.shuffledSubarray([...all], { maxLength: 9 });

function verdict(list: readonly Rule[], packet: number): string {
  return list.find(({ takes }) => takes.includes(packet))?.verdict ?? 'left';
}

/** A device's way: by names of what stands where. */
function done(list: readonly Rule[], operation: OrderOperation<Rule>): readonly Rule[] {
  const { rule } = operation;
  const others = list.filter(({ name }) => name !== rule.name);
  if (operation.verb === 'Remove') return others;
  if (operation.verb === 'Edit') return list.map((one) => (one.name === rule.name ? rule : one));
  expect(others.length).toBe(operation.verb === 'Insert' ? list.length : list.length - 1);
  const at = operation.after === undefined ? 0 : others.findIndex(({ name }) => name === operation.after) + 1;
  expect(at > 0 || operation.after === undefined).toBe(true);
  return [...others.slice(0, at), rule, ...others.slice(at)];
}

const same = (a: Rule, b: Rule): boolean => JSON.stringify(a) === JSON.stringify(b);

test('a list becomes another one, and after each operation every packet meets its old verdict or its new one', () => {
  fc.assert(
    fc.property(lists, lists, (before, after) => {
      const { down, up } = orderChange(before, after, new Set(), same);
      let list: readonly Rule[] = before;
      for (const operation of [...down, ...up]) {
        list = done(list, operation);
        for (const packet of PACKETS)
          expect([verdict(before, packet), verdict(after, packet)]).toContain(verdict(list, packet));
      }
      expect(list).toEqual(after);
      expect(orderChange(list, after, new Set(), same)).toEqual({ down: [], up: [] });
    }),
    tries(300, 100),
  );
});

test('what somebody changed or moved is mended, and what nobody touched is not', () => {
  fc.assert(
    fc.property(lists, fc.nat(), (list, at) => {
      const one = list[at % Math.max(1, list.length)];
      if (one === undefined) return;
      const edited = list.map((rule) => (rule === one ? { ...rule, verdict: 'other' } : rule));
      expect(orderChange(edited, list, new Set(), same)).toEqual({ down: [{ verb: 'Edit', rule: one }], up: [] });
      expect(orderChange(list, list, new Set([one.name]), same).down).toEqual([
        expect.objectContaining({ verb: 'Move', rule: one }),
      ]);
      expect(orderChange(list, list.slice(1), new Set(), same).up).toHaveLength(1);
    }),
    tries(100, 34),
  );
});
