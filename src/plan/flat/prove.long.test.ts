import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flatFateOf } from '../../../test/kit/flat-oracle.ts';
import { type Packet, fateOf } from '../../../test/kit/ruleset-oracle.ts';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { smallRuleset } from '../../../test/kit/small-ruleset.ts';
import { everyPacket } from '../../../test/kit/universe.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { BorderRule, Ruleset } from '../../border/ruleset.ts';
import { formatAddress } from '../../ip/address.ts';
import { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { FlatAction, FlatList, FlatRule } from './flat-list.ts';
import { classLayout, groupLayout } from './flatten.ts';
import { type FlatWitness, prove } from './prove.ts';
import { tries } from '../../../test/kit/runs.ts';

const packets = everyPacket();
const drawn = rulesets({ translations: false, addressGroups: false });

/** One thing that could go wrong with a list, at a place that a number chooses. */
type Mutation = (list: FlatList, choice: number) => FlatList;

function atRule(change: (rule: FlatRule, list: FlatList, choice: number) => readonly FlatRule[]): Mutation {
  return (list, choice) => {
    const at = choice % Math.max(1, list.rules.length);
    return {
      ...list,
      rules: list.rules.flatMap((rule, place) => (place === at ? change(rule, list, choice) : [rule])),
    };
  };
}

/** Places of rules for one source of which one drops and the other one does not. */
function opposites({ rules }: FlatList): readonly (readonly [number, number])[] {
  return rules.flatMap((first, at) =>
    rules.flatMap((later, place): readonly (readonly [number, number])[] => {
      const same =
        first.source.kind === 'Source' && later.source.kind === 'Source' && first.source.id === later.source.id;
      const opposite = (first.action === 'Deny') !== (later.action === 'Deny') && later.action !== 'Log';
      return place > at && same && opposite && first.action !== 'Log' ? [[at, place]] : [];
    }),
  );
}

const mutations: Readonly<Record<string, Mutation>> = {
  'drops a rule': atRule(() => []),
  'repeats a rule before one that does the opposite': (list, choice) => {
    const pairs = opposites(list);
    const [first, later] = pairs[choice % Math.max(1, pairs.length)] ?? [0, 0];
    return {
      ...list,
      rules: list.rules.flatMap((rule, at) => (at === first ? [list.rules[later] ?? rule, rule] : [rule])),
    };
  },
  'turns an action': atRule((rule) => {
    const turned: Record<FlatAction, FlatAction> = { Allow: 'Deny', Deny: 'Allow', Leave: 'Deny', Log: 'Deny' };
    return [{ ...rule, action: turned[rule.action] }];
  }),
  'asks for another port': atRule((rule) => [
    { ...rule, services: rule.services.map((service) => ({ ...service, ports: PortSet.of(443) })) },
  ]),
  'asks for TCP alone': atRule((rule) => [{ ...rule, services: [{ protocols: [6] }] }]),
  'goes to every governed destination': atRule((rule, list) => {
    const everywhere = [...list.groups.values()].find(
      (group) => group.family === rule.family && group.nets === undefined && group.all.length + group.none.length === 0,
    );
    return everywhere === undefined
      ? [rule]
      : [{ ...rule, destination: { prefixes: PrefixSet.empty, groups: [everywhere.id], domains: [] } }];
  }),
  'goes to what is not governed too': atRule((rule) => [
    { ...rule, destination: { ...rule.destination, prefixes: PrefixSet.all.family(rule.family) } },
  ]),
  'is for everybody': atRule((rule) => [
    {
      ...rule,
      source: { kind: 'Networks', prefixes: PrefixSet.all.family(rule.family), except: 'nobody' },
    },
  ]),
  'swaps two rules that do the opposite': (list, choice) => {
    const pairs = opposites(list);
    const [first, later] = pairs[choice % Math.max(1, pairs.length)] ?? [0, 0];
    const swapped = new Map([
      [first, list.rules[later]],
      [later, list.rules[first]],
    ]);
    return { ...list, rules: list.rules.map((rule, at) => swapped.get(at) ?? rule) };
  },
  'forgets the members of a source': (list, choice) => {
    const ids = [...list.sources.keys()];
    const id = ids[choice % Math.max(1, ids.length)];
    return { ...list, sources: new Map([...list.sources].filter(([each]) => each !== id)) };
  },
  'forgets a condition of a group': (list, choice) => {
    const ids = [...list.groups.keys()];
    const id = ids[choice % Math.max(1, ids.length)];
    return {
      ...list,
      groups: new Map(
        [...list.groups].map(([each, group]) => [
          each,
          each === id ? { id: group.id, family: group.family, all: [], none: group.none.slice(1) } : group,
        ]),
      ),
    };
  },
};

function differingPacket(ruleset: Ruleset, list: FlatList): Packet | undefined {
  return packets.find((packet) => {
    const id = ruleset.members.get(packet.source);
    const { verdict } = flatFateOf(list, ruleset, packet, id === undefined ? [] : [id]);
    return (verdict !== 'Denied') !== fateOf(ruleset, packet).passes;
  });
}

/** The witness in a world that is as it says, asked of both oracles. */
function differsIndeed(ruleset: Ruleset, list: FlatList, witness: FlatWitness): boolean {
  const { flow, class: id, if: supposed } = witness;
  const source = formatAddress(flow.source);
  const here = PrefixSet.ofAddresses([flow.destination]);
  const world: Ruleset = {
    ...ruleset,
    members: BucketMap.from(id === undefined ? [] : [[source, id]]),
    ...(supposed === undefined
      ? {}
      : {
          inside: supposed.inside ? here : PrefixSet.empty,
          groups: new Map(
            [...ruleset.groups].map(([name, group]) => [
              name,
              group.kind === 'Outside'
                ? { ...group, nets: supposed.groups.includes(name) ? here : PrefixSet.empty }
                : group,
            ]),
          ),
        }),
  };
  const packet: Packet = { ...flow, source, destination: formatAddress(flow.destination) };
  const { verdict } = flatFateOf(list, world, packet, id === undefined ? [] : [id]);
  expect(verdict).toBe(witness.list);
  const { passes } = fateOf(world, packet);
  expect(witness.ruleset !== 'Denied').toBe(passes);
  // Of the difference between what is allowed for good and what is left the oracle of rulesets knows nothing.
  return witness.ruleset !== witness.list;
}

describe.each(Object.entries(mutations))('a list that %s', (_name, mutate) => {
  test('is proved equal only if it still does the same, else there is a flow', () => {
    const layouts = fc.constantFrom(classLayout, groupLayout);
    let different = 0;
    fc.assert(
      fc.property(drawn, layouts, fc.boolean(), fc.nat(10_000), (ruleset, layout, leave, choice) => {
        const { list } = layout(ruleset, {
          form: choice % 2 === 0 ? 'Full' : 'Filter',
          capabilities: { leave, domains: true, log: true },
        });
        const wrong = mutate(list, choice);
        const proof = prove(ruleset, wrong);
        if (proof.kind === 'Different') {
          different++;
          expect(differsIndeed(ruleset, wrong, proof.witness)).toBe(true);
        } else {
          expect(proof.kind).toBe('Equal');
          expect(differingPacket(ruleset, wrong)).toBeUndefined();
        }
      }),
      { ...tries(35), seed: 9 },
    );
    expect(different).toBeGreaterThan(2);
  });
});

describe('what is not proved', () => {
  const options = { form: 'Full', capabilities: { leave: false, domains: false, log: false } } as const;

  test('a list whose prefixes lie inside by now: it has to be written anew', () => {
    const ruleset = smallRuleset({ policies: { web: [{ to: '203.0.113.0/24' }] }, members: { '10.0.0.1': 'web' } });
    const { list } = classLayout(ruleset, options);
    expect(list.assumes.outside.toString()).toBe('203.0.113.0/24');
    const later = { ...ruleset, inside: ruleset.inside.union(PrefixSet.parse(['203.0.113.9'])) };
    expect(prove(later, list)).toEqual({ kind: 'NotProved', reason: 'a prefix of the list lies inside the cluster' });
    const again = classLayout(later, options).list;
    expect(again.assumes.outside.isEmpty).toBe(true);
    expect(prove(later, again)).toEqual({ kind: 'Equal' });
  });

  test('rules that combine ports and source ports beyond the limit', () => {
    const ruleset = smallRuleset({ policies: { web: [{}] }, members: {} });
    const rules = Array.from(
      { length: 600 },
      (_, n): BorderRule => ({
        origin: { policy: 'ClusterBorderPolicy/web', rule: n },
        family: 4,
        action: n % 2 === 0 ? 'Allow' : 'Deny',
        protocol: 6,
        ports: PortSet.of([0, n * 100 + 100]),
        sourcePorts: PortSet.of([0, n * 100 + 100]),
        outside: { groups: [], notGroups: [], domains: [] },
        widen: false,
      }),
    );
    const [one] = ruleset.classes.values();
    const [part] = one?.parts ?? [];
    const [stage] = part?.stages ?? [];
    if (one === undefined || part === undefined || stage === undefined) throw new Error('no class');
    const classes = new Map([[one.id, { ...one, parts: [{ ...part, stages: [{ ...stage, rules }] }] }]]);
    const { list } = classLayout({ ...ruleset, classes }, options);
    expect(prove({ ...ruleset, classes }, list)).toEqual({
      kind: 'NotProved',
      reason: 'rules combine ports and source ports in too many ways',
    });
  });
});
