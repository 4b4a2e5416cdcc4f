import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rulesets } from '../../../../test/kit/rulesets.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import { atOnce } from '../../../base/pieces.ts';
import type { Family } from '../../../border/ruleset.ts';
import { behaviourOf as meaningOf } from '../../../plan/ruleset-behaviour.ts';
import { steppedAside } from '../change/packets-under-way.ts';
import { behaviourOf } from './lift.ts';
import { familyName } from '../table/names.ts';
import { FAMILIES } from '../table/skeleton.ts';
import { translate } from '../table/translate.ts';
import { tries } from '../../../../test/kit/runs.ts';

test('a table behaves as the ruleset it was made from', () => {
  fc.assert(
    fc.property(rulesets(), (ruleset) => {
      const lifted = behaviourOf(translate(ruleset).table);
      const meant = meaningOf(ruleset);
      expect(lifted.present).toBe(true);
      for (const name of ['destinations', 'inside', 'networks'] as const)
        expect(lifted[name].toString()).toBe(meant[name].toString());
      expect([...lifted.senders.keys()].sort()).toEqual([...meant.senders.keys()].sort());
      for (const [sender, id] of meant.senders.entries()) {
        const family: Family = sender.includes(':') ? 6 : 4;
        const now = lifted.allowed(lifted.senders.get(sender) ?? '', family);
        const wanted = meant.allowed(id, family);
        expect(now.equals(wanted), `${now.describe().join('; ')} for ${wanted.describe().join('; ')}`).toBe(true);
        const say = (list: ReturnType<typeof meant.translations>): readonly string[] =>
          list
            .filter(({ flows }) => !flows.isEmpty)
            .map(
              ({ flows, to }) =>
                `${flows.describe().join('; ')} ${JSON.stringify({ kind: to.kind, address: to.kind === 'Address' ? to.address : '' })}`,
            );
        expect(say(lifted.translations(sender))).toEqual(say(meant.translations(sender)));
      }
    }),
    tries(25, 9),
  );
});

test('networks of one family change beside the same ones of the other', () => {
  fc.assert(
    fc.property(rulesets(), (ruleset) => {
      const { table } = translate(ruleset);
      const nobody = { type: 'net6', elements: BucketMap.empty<true>() } as const;
      for (const name of ['destinations', 'inside', 'networks'] as const) {
        const without = { ...table, sets: new Map(table.sets).set(familyName(name, 6), nobody) };
        const wanted = behaviourOf(table)[name].family(4).toString();
        expect(behaviourOf(without)[name].toString()).toBe(wanted);
        expect(behaviourOf(table)[name].equals(ruleset[name])).toBe(true);
      }
    }),
    tries(25, 9),
  );
});

test('a table on the way behaves as the one that it leads to, also while other sets stand in for what rules ask', () => {
  let seen = 0;
  fc.assert(
    fc.property(rulesets(), rulesets(), (was, is) => {
      const table = translate(is).table;
      const onTheWay = atOnce(steppedAside(translate(was).table, table));
      if (onTheWay === undefined) return;
      if (FAMILIES.some((family) => !onTheWay.sets.has(familyName('networks', family)))) seen += 1;
      for (const name of ['destinations', 'inside', 'networks'] as const)
        expect(behaviourOf(onTheWay)[name].toString()).toBe(behaviourOf(table)[name].toString());
    }),
    tries(200, 60),
  );
  expect(seen).toBeGreaterThan(0);
});

test('no table lets everything pass', () => {
  const behaviour = behaviourOf(undefined);
  expect(behaviour.present).toBe(false);
  expect(behaviour.senders.size).toBe(0);
});
