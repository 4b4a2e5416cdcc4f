import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rulesetPairs, rulesets } from '../../../../test/kit/rulesets.ts';
import { flowOf, packets } from '../../../../test/kit/universe.ts';
import { evaluate } from '../../../border/evaluate.ts';
import type { Group, GroupId } from '../../../border/ruleset.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import { renderTable } from './render.ts';
import { MOST_BY_ADDRESS, translate } from './translate.ts';
import { decide, firstPacket } from '../meaning/walk.ts';
import { tries } from '../../../../test/kit/runs.ts';

type AddressGroup = Extract<Group, { kind: 'AddressGroup' }>;

const many = fc.array(packets(), { minLength: 12, maxLength: 12 });

test('the table does with every packet what the ruleset says, and translates it so', () => {
  fc.assert(
    fc.property(rulesets(), many, (ruleset, list) => {
      const { table, refusals } = translate(ruleset);
      expect(refusals).toEqual([]);
      for (const packet of list) {
        const flow = flowOf(packet);
        const expected = evaluate(ruleset, flow);
        const outcome = decide(table, firstPacket(flow));
        expect([outcome.passes, outcome.leavesAs]).toEqual([
          expected.passes,
          expected.passes ? expected.leavesAs : packet.source,
        ]);
        if (!outcome.passes && expected.decidedBy !== undefined) expect(outcome.tag).toBeDefined();
      }
    }),
    tries(45, 15),
  );
});

test('beyond the limit the class is found by number, with the same outcome', () => {
  const crowd = Array.from({ length: MOST_BY_ADDRESS + 1 }, (_, i) => `10.200.${i >> 8}.${i & 255}`);
  fc.assert(
    fc.property(rulesets({ families: [4] }), many, (ruleset, list) => {
      const [id = ''] = ruleset.classes.keys();
      const crowded = { ...ruleset, members: ruleset.members.with(crowd.map((address) => [address, id] as const)) };
      const { table } = translate(crowded);
      expect(table.maps.has('class_of4')).toBe(true);
      for (const packet of list) {
        const flow = flowOf(packet);
        expect(decide(table, firstPacket(flow)).passes).toBe(evaluate(crowded, flow).passes);
      }
    }),
    tries(4, 2),
  );
});

test('what the previous translation was has no influence', () => {
  fc.assert(
    fc.property(rulesetPairs({ hostile: true }), ([before, after]) => {
      const fresh = translate(after);
      const shared = translate(after, translate(before));
      expect(renderTable(shared.table)).toBe(renderTable(fresh.table));
    }),
    tries(18, 6),
  );
});

test('members that come and go, and lists that nobody knows the content of for a while, are translated as from nothing', () => {
  fc.assert(
    fc.property(rulesets(), (ruleset) => {
      const [someone = '10.0.0.1'] = ruleset.members.keys();
      const changed = (change: (group: AddressGroup) => Group): ReadonlyMap<GroupId, Group> =>
        new Map([...ruleset.groups].map(([id, group]) => [id, group.kind === 'Outside' ? group : change(group)]));
      const joined = (group: AddressGroup): Group => ({ ...group, members: group.members.with([[someone, true]]) });
      const full = { ...ruleset, groups: changed(joined) };
      const held = {
        ...full,
        members: full.members.with([[someone, undefined]]),
        groups: changed((group) => ({ ...group, held: true })),
      };
      let shared = translate(ruleset);
      for (const next of [full, held, full, ruleset]) {
        shared = translate(next, shared);
        const fresh = translate(next);
        expect(renderTable(shared.table)).toBe(renderTable(fresh.table));
        expect(shared.held).toEqual(fresh.held);
      }
    }),
    tries(18, 6),
  );
});

test('what the device does not own is held, and refused with its address; the rest is translated', () => {
  fc.assert(
    fc.property(rulesets(), many, (ruleset, list) => {
      const [target] = ruleset.nats.flatMap((nat) =>
        [...nat.sources.entries()].flatMap(([source, to]) =>
          to.kind === 'Address' && ruleset.members.has(source) ? [to.address] : [],
        ),
      );
      const owns = target === undefined ? PrefixSet.all : PrefixSet.all.subtract(PrefixSet.parse([target]));
      const before = translate(ruleset, undefined, PrefixSet.all);
      expect(before.refusals).toEqual([]);
      for (const wanted of [translate(ruleset, undefined, owns), translate(ruleset, before, owns)]) {
        if (target !== undefined) {
          expect(wanted.refusals.every((refusal) => refusal.code === 'TRANSLATION_NOT_OWNED')).toBe(true);
          expect(wanted.refusals.some((refusal) => refusal.message.includes(` ${target};`))).toBe(true);
        }
        for (const packet of list) {
          const flow = flowOf(packet);
          const expected = evaluate(ruleset, flow);
          const passes = expected.passes && expected.leavesAs !== target;
          expect(decide(wanted.table, firstPacket(flow)).passes).toBe(passes);
        }
      }
    }),
    tries(22, 8),
  );
});
