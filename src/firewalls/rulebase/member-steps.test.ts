import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memberChange } from './member-steps.ts';
import type { MemberGroup } from './model.ts';

const of = { name: 'payments', family: 4, store: 'Configured', shared: true, mark: '' } as const;
const groups = fc
  .array(fc.uniqueArray(fc.constantFrom('1', '2', '3', '4', '5')), { minLength: 1, maxLength: 4 })
  .map((all) => all.map((members): MemberGroup => ({ ...of, members: new Set(members) })));

test('whatever was compared before, a change is who is in one and not in the other', () => {
  fc.assert(
    fc.property(groups, fc.array(fc.tuple(fc.nat(), fc.nat())), (all, pairs) => {
      const at = (index: number): MemberGroup => all[index % all.length] ?? { ...of, members: new Set() };
      for (const [before, after] of pairs.map(([a, b]) => [at(a), at(b)] as const)) {
        const joins = [...after.members].filter((one) => !before.members.has(one)).toSorted();
        const leaves = [...before.members].filter((one) => !after.members.has(one)).toSorted();
        const isSame = joins.length + leaves.length === 0;
        expect(memberChange(before, after)).toEqual(isSame ? undefined : { group: after, joins, leaves });
      }
    }),
  );
});
