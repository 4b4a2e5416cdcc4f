import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group, Nat, NatTarget, Ruleset } from '../../border/ruleset.ts';
import type { Confirmed } from '../../firewalls/worker/course.ts';
import { notHeld } from './held.ts';

const ADDRESSES = ['10.1.0.1', '10.1.0.2', '10.1.0.3'];

type Plain = {
  readonly members: Readonly<Record<string, string>>;
  readonly owners: Readonly<Record<string, string>>;
  readonly groups: Readonly<Record<string, { readonly members: readonly string[]; readonly held: boolean }>>;
  readonly nats: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

const address = fc.constantFrom(...ADDRESSES);
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(address, value, { maxKeys: 3 });
const plain: fc.Arbitrary<Plain> = fc.record({
  members: some(fc.constantFrom('class-1', 'class-2')),
  owners: some(fc.constantFrom('pod:a', 'pod:b')),
  groups: fc.dictionary(
    fc.constantFrom('g1', 'g2'),
    fc.record({ members: fc.uniqueArray(address), held: fc.boolean() }),
  ),
  nats: fc.dictionary(fc.constantFrom('n1', 'n2'), some(fc.constantFrom('198.51.100.1', '198.51.100.2'))),
});

/** As the border makes it: parts that are as they were in `before` are the same objects. */
function rulesetOf({ members, groups, nats }: Plain, before?: Ruleset): Ruleset {
  const shared = <T>(made: T, old: T | undefined, same: boolean): T => (same && old !== undefined ? old : made);
  const made = new Map<string, Group>();
  for (const [id, { members: inside, held }] of Object.entries(groups)) {
    const old = before?.groups.get(id);
    const known = old?.kind === 'AddressGroup' ? old.members : undefined;
    const now = BucketMap.from(inside.map((one) => [one, true] as const));
    const same = known !== undefined && known.size === now.size && inside.every((one) => known.has(one));
    const group = { id, kind: 'AddressGroup', deviceName: id, members: shared(now, known, same) };
    made.set(id, { ...group, ...(held ? { held: true } : {}) } as unknown as Group);
  }
  const translations = Object.entries(nats).map(([id, sources]): Nat => {
    const old = before?.nats.find((one) => one.id === id)?.sources;
    const now = BucketMap.from(
      Object.entries(sources).map(([from, to]): [string, NatTarget] => [from, { kind: 'Address', address: to }]),
    );
    const same = old !== undefined && isDeepStrictEqual([...old.sorted()], [...now.sorted()]);
    return { id, origin: { policy: id }, sources: shared(now, old, same) } as unknown as Nat;
  });
  return { members: BucketMap.from(Object.entries(members)), groups: made, nats: translations } as unknown as Ruleset;
}

/** What is wrong, from the plain form, in the order in which it is said. */
function slowNotHeld(at: string, wanted: Plain, held: Plain): string {
  if (wanted.members[at] === undefined) return 'not wanted';
  if (held.members[at] === undefined) return 'absent';
  if (held.members[at] !== wanted.members[at]) return 'class';
  if (held.owners[at] !== wanted.owners[at]) return 'owner';
  for (const [id, group] of Object.entries(wanted.groups))
    if (!group.held && group.members.includes(at) && held.groups[id]?.members.includes(at) !== true) return id;
  for (const [id, sources] of Object.entries(wanted.nats))
    if (sources[at] !== undefined && held.nats[id]?.[at] !== sources[at]) return id;
  return 'held';
}

function wordOf(why: string | undefined): string {
  if (why === undefined) return 'held';
  if (why.includes('not among')) return 'not wanted';
  if (why.includes('is not there yet') && !why.includes('translation')) return 'absent';
  if (why.includes('other policies')) return 'class';
  if (why.includes('owner before')) return 'owner';
  return /group (g\d)|by (n\d)/.exec(why)?.slice(1).join('') ?? why;
}

test('an address is held where all that is wanted of it was read back, whatever versions share', () => {
  fc.assert(
    fc.property(fc.array(plain, { minLength: 2, maxLength: 4 }), (versions) => {
      let ruleset: Ruleset | undefined;
      const made = versions.map((one) => [one, (ruleset = rulesetOf(one, ruleset))] as const);
      for (const [wanted, wantedRuleset] of made)
        for (const [held, heldRuleset] of made) {
          const owners = BucketMap.from(Object.entries(held.owners));
          const confirmed = { ruleset: heldRuleset, owners } as unknown as Confirmed;
          for (const at of ADDRESSES) {
            const why = notHeld(at, wantedRuleset, BucketMap.from(Object.entries(wanted.owners)), confirmed);
            expect(wordOf(why)).toBe(slowNotHeld(at, wanted, held));
          }
        }
    }),
    tries(300, 60),
  );
});

test('an address is not held where a list that rules go by lacks it, nor where one has it for somebody else', () => {
  const world: Plain = {
    members: { '10.1.0.1': 'class-1', '10.1.0.2': 'class-1', '10.1.0.3': 'class-1' },
    owners: {},
    groups: {},
    nats: {},
  };
  const ruleset = rulesetOf(world);
  const owners = BucketMap.from<string>([]);
  const why = (isUsed: boolean): readonly (string | undefined)[] => {
    const list = { list: 'tills', lacks: new Set(['10.1.0.1']), keeps: new Set(['10.1.0.2']), isUsed };
    const confirmed = { ruleset, owners, behind: [list] } as unknown as Confirmed;
    return ADDRESSES.map((at) => notHeld(at, ruleset, owners, confirmed));
  };
  expect(why(true)).toEqual([
    '10.1.0.1 was not seen in the list tills yet',
    '10.1.0.2 is still in the list tills, for its owner before',
    undefined,
  ]);
  expect(why(false)).toEqual([undefined, undefined, undefined]);
});

test('an address that a group was not given is not held, and why is told', () => {
  const world = (inside: readonly string[]): Plain => ({
    members: { '10.1.0.1': 'class-1', '10.1.0.2': 'class-1', '10.1.0.3': 'class-1' },
    owners: {},
    groups: { tills: { members: inside, held: false } },
    nats: {},
  });
  const owners = BucketMap.from<string>([]);
  const wanted = rulesetOf(world(ADDRESSES));
  const ruleset = rulesetOf(world(['10.1.0.1']));
  const leftOut = [{ group: 'tills', members: new Set(['10.1.0.2']), why: 'in too many' }];
  const confirmed = { ruleset, owners, leftOut } as unknown as Confirmed;
  expect(ADDRESSES.map((at) => notHeld(at, wanted, owners, confirmed))).toEqual([
    undefined,
    '10.1.0.2 is not in the group tills: in too many',
    '10.1.0.3 is not in the group tills yet',
  ]);
});
