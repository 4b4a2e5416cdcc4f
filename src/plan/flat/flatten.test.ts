import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flatFateOf } from '../../../test/kit/flat-oracle.ts';
import { fateOf } from '../../../test/kit/ruleset-oracle.ts';
import { rulesets, withOtherMembers } from '../../../test/kit/rulesets.ts';
import { everyPacket, universe } from '../../../test/kit/universe.ts';
import { evaluate } from '../../border/evaluate.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { parseAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { canonicalText } from '../canonical.ts';
import { evaluateFlat } from './evaluate-flat.ts';
import type { FlatList, FlatOptions } from './flat-list.ts';
import { classLayout, groupLayout } from './flatten.ts';
import { plainVerdict } from './plain-verdict.ts';
import { prove } from './prove.ts';
import { tries } from '../../../test/kit/runs.ts';

const all = rulesets({ translations: false, addressGroups: false });
const packets = everyPacket();

const cases = [classLayout, groupLayout].flatMap((layout) =>
  (['Full', 'Filter'] as const).flatMap((form) =>
    [true, false].map((leave) => ({
      name: `${layout.name}, ${form}, ${leave ? 'with' : 'without'} Leave`,
      make: (ruleset: Ruleset): FlatList =>
        layout(ruleset, { form, capabilities: { leave, domains: true, log: true } } satisfies FlatOptions).list,
    })),
  ),
);

function classesOf(ruleset: Ruleset, source: string): readonly string[] {
  const id = ruleset.members.get(source);
  return id === undefined ? [] : [id];
}

/** Where a list does to a packet what the ruleset does not. */
function wrongPackets(ruleset: Ruleset, list: FlatList): readonly unknown[] {
  return packets.flatMap((packet) => {
    const { verdict } = flatFateOf(list, ruleset, packet, classesOf(ruleset, packet.source));
    const { passes } = fateOf(ruleset, packet);
    const governed = isGoverned(ruleset, packet.destination);
    if ((verdict !== 'Denied') === passes && (governed || verdict === 'Left')) return [];
    return [{ packet, verdict, passes, governed }];
  });
}

/** Where a list lets pass for good what it should leave to others, or the reverse. */
function wrongGrants(ruleset: Ruleset, list: FlatList): readonly unknown[] {
  return packets.flatMap((packet): readonly unknown[] => {
    const source = parseAddress(packet.source);
    const destination = parseAddress(packet.destination);
    if (source === undefined || destination === undefined) return [packet];
    const id = ruleset.members.get(packet.source);
    const flow = { ...packet, source, destination };
    const one = id === undefined ? undefined : ruleset.classes.get(id);
    const wanted = plainVerdict(ruleset, one, flow, list.form, () => false);
    const { verdict } = flatFateOf(list, ruleset, packet, classesOf(ruleset, packet.source));
    const told = evaluateFlat(list, ruleset, flow).verdict;
    return verdict === wanted && told === wanted ? [] : [{ packet, wanted, verdict, told }];
  });
}

function isGoverned(ruleset: Ruleset, text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && ruleset.destinations.contains(address) && !ruleset.inside.contains(address);
}

function listText(list: FlatList): string {
  return canonicalText({ ...list, sources: [...list.sources], groups: [...list.groups] });
}

/** Other contents for the same rules: network sets that hold something else, and nodes that came. */
const contents = fc.record({
  four: fc.tuple(...universe.groups[4].map(() => fc.subarray([...universe.nets[4]]))),
  six: fc.tuple(...universe.groups[6].map(() => fc.subarray([...universe.nets[6]]))),
  nodes: fc.subarray([...universe.destinations[4], ...universe.destinations[6]]),
});

function withContents(
  ruleset: Ruleset,
  list: FlatList,
  drawn: typeof contents extends fc.Arbitrary<infer T> ? T : never,
): Ruleset {
  const nets = new Map<string, readonly string[]>();
  for (const [at, id] of universe.groups[4].entries()) nets.set(id, drawn.four[at] ?? []);
  for (const [at, id] of universe.groups[6].entries()) nets.set(id, drawn.six[at] ?? []);
  return {
    ...ruleset,
    inside: ruleset.inside.union(PrefixSet.parse(drawn.nodes).subtract(list.assumes.outside)),
    groups: new Map(
      [...ruleset.groups].map(([id, group]) => [
        id,
        group.kind === 'Outside' ? { ...group, nets: PrefixSet.parse(nets.get(id) ?? []) } : group,
      ]),
    ),
  };
}

describe.each(cases)('$name', ({ make }) => {
  test('does to every packet what the ruleset does, and is proved to', () => {
    fc.assert(
      fc.property(all, (ruleset) => {
        const list = make(ruleset);
        expect(wrongPackets(ruleset, list)).toEqual([]);
        expect(wrongGrants(ruleset, list)).toEqual([]);
        expect(prove(ruleset, list)).toEqual({ kind: 'Equal' });
      }),
      tries(5, 2),
    );
  });

  test('stays the same and right, whatever groups and the inside hold', () => {
    fc.assert(
      fc.property(all, contents, (ruleset, drawn) => {
        const list = make(ruleset);
        const later = withContents(ruleset, list, drawn);
        expect(listText(make(later))).toBe(listText(list));
        expect(wrongPackets(later, list)).toEqual([]);
      }),
      tries(4, 2),
    );
  });

  test('no change of members changes a rule', () => {
    fc.assert(
      fc.property(
        all.chain((one) => fc.tuple(fc.constant(one), withOtherMembers(one))),
        ([before, after]) => {
          expect(listText(make(after))).toBe(listText(make(before)));
        },
      ),
      tries(4, 2),
    );
  });

  test('notes what the ruleset notes', () => {
    fc.assert(
      fc.property(all, (ruleset) => {
        const list = make(ruleset);
        for (const packet of packets) {
          const source = parseAddress(packet.source);
          const destination = parseAddress(packet.destination);
          if (source === undefined || destination === undefined) continue;
          const { logged } = flatFateOf(list, ruleset, packet, classesOf(ruleset, packet.source));
          const wanted = evaluate(ruleset, { ...packet, source, destination }).logged;
          expect(new Set(logged.map((one) => JSON.stringify(one)))).toEqual(
            new Set(wanted.map((one) => JSON.stringify(one))),
          );
        }
      }),
      tries(3, 1),
    );
  });
});

test('an address in two class groups gets the verdict of one of them (design 8.5)', () => {
  fc.assert(
    fc.property(all, (ruleset) => {
      const { list } = classLayout(ruleset, {
        form: 'Full',
        capabilities: { leave: false, domains: false, log: true },
      });
      for (const packet of packets) {
        const ids = [...ruleset.classes.values()].filter((one) => one.family === packet.family).map(({ id }) => id);
        const alone = new Map(ids.map((id) => [id, flatFateOf(list, ruleset, packet, [id]).verdict]));
        for (const a of ids)
          for (const b of ids)
            expect([alone.get(a), alone.get(b)]).toContain(flatFateOf(list, ruleset, packet, [a, b]).verdict);
      }
    }),
    tries(2, 1),
  );
});
