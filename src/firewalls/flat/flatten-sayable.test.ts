import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flatFateOf } from '../../../test/kit/flat-oracle.ts';
import { fateOf } from '../../../test/kit/ruleset-oracle.ts';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { everyPacket } from '../../../test/kit/universe.ts';
import type { BorderRule, Class, Ruleset } from '../../border/ruleset.ts';
import { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { classLayout, groupLayout } from '../../plan/flat/flatten.ts';
import { prove } from '../../plan/flat/prove.ts';
import { smallRuleset } from '../../../test/kit/small-ruleset.ts';
import { flattenSayable } from './flatten-sayable.ts';
import { tries } from '../../../test/kit/runs.ts';

const full = { form: 'Full', capabilities: { leave: false, domains: true, log: true } } as const;

test('says all but what it refuses by name, and is proved equal to that', () => {
  const packets = everyPacket();
  const drawn = rulesets({ domains: true, translations: false, addressGroups: false });
  const layouts = fc.constantFrom(classLayout, groupLayout);
  const forms = fc.constantFrom('Full' as const, 'Filter' as const);
  const capabilities = fc.record({ leave: fc.boolean(), domains: fc.boolean(), log: fc.boolean() });
  fc.assert(
    fc.property(drawn, layouts, forms, capabilities, (ruleset, layout, form, can) => {
      const { list, ruleset: said, refusals } = flattenSayable(ruleset, 'edge-1', layout, { form, capabilities: can });
      expect(prove(said, list)).toEqual({ kind: 'Equal' });
      expect(new Set(refusals.map(({ code }) => code)).size).toBeLessThanOrEqual(1);
      if (refusals.length === 0) expect(said).toBe(ruleset);
      if (!can.domains) expect(list.assumes.domains).toEqual([]);
      const nobody = said.destinations.subtract(said.inside);
      for (const packet of packets) {
        const id = said.members.get(packet.source);
        // Domains that hold nothing, or every governed address: the list claims nothing for others.
        for (const domains of [() => false, (_domain: string, to: string) => nobody.overlaps(PrefixSet.parse([to]))]) {
          const { verdict } = flatFateOf(list, said, packet, id === undefined ? [] : [id], domains);
          expect(verdict !== 'Denied').toBe(fateOf(said, packet, domains).passes);
        }
      }
    }),
    tries(8, 3),
  );
});

const origin = (rule: number): BorderRule['origin'] => ({ policy: 'ClusterBorderPolicy/bank', rule });
const anywhere = { groups: [], notGroups: [], domains: [] };

function ruleset(...rules: readonly BorderRule[]): Ruleset {
  const stage = {
    id: 's',
    layer: 'ClusterBorderPolicy',
    name: 'ClusterBorderPolicy',
    rules,
    end: 'Deny',
    endOrigin: { policy: 'layer/ClusterBorderPolicy' },
  } as const;
  const own = {
    ...stage,
    id: 'own',
    layer: 'BorderPolicy',
    rules: [
      {
        origin: { policy: 'BorderPolicy/shop/web', rule: 0 },
        family: 4,
        action: 'Allow',
        outside: anywhere,
        widen: false,
      },
    ],
  } as const;
  const part = { id: 'p', stages: [stage, own], otherwise: 'Deny', otherwiseOrigin: { policy: 'o' } } as const;
  const one: Class = { id: 'c', family: 4, parts: [part], widened: [] };
  return { ...smallRuleset({ policies: {}, members: { '10.0.0.1': 'c' } }), classes: new Map([['c', one]]) };
}

test.each<[string, BorderRule, string]>([
  [
    'an Allow that cuts domains to networks',
    {
      origin: origin(0),
      family: 4,
      action: 'Allow',
      outside: { ...anywhere, domains: ['bank.example'], nets: PrefixSet.parse(['203.0.113.0/24']) },
      widen: false,
    },
    'edge-1 cannot say domain names cut to networks or network sets; it is left out',
  ],
  [
    'a Pass that cuts domains to network sets',
    {
      origin: origin(0),
      family: 4,
      action: 'Next',
      protocol: 6,
      ports: PortSet.of(443),
      outside: { ...anywhere, domains: ['bank.example'], notGroups: ['g'] },
      widen: false,
    },
    'edge-1 cannot say domain names cut to networks or network sets; it denies everything in its place',
  ],
])('refuses %s, with the rule and the limit', (_what, rule, message) => {
  const { refusals, ruleset: said, list } = flattenSayable(ruleset(rule), 'edge-1', classLayout, full);
  expect(refusals).toEqual([
    expect.objectContaining({ code: 'DEVICE_CANNOT_SAY', object: 'ClusterBorderPolicy/bank', path: 'rule 0', message }),
  ]);
  expect(prove(said, list)).toEqual({ kind: 'Equal' });
});

test('a class that would take too many rules is denied everything, and all others are served', () => {
  // Each Pass meets each rule of the policies behind it, in networks that no prefixes sum up.
  const net = (n: number): PrefixSet => PrefixSet.parse([`203.0.113.${n}`, `198.51.100.${n}`]);
  const passes = Array.from(
    { length: 150 },
    (_, n): BorderRule => ({
      origin: origin(n),
      family: 4,
      action: 'Next',
      protocol: n + 100,
      outside: { ...anywhere, groups: [`g${n}`] },
      widen: false,
    }),
  );
  const one = ruleset(...passes);
  const before = one.classes.get('c');
  if (before === undefined) throw new Error('no class');
  const own = Array.from(
    { length: 150 },
    (_, n): BorderRule => ({
      origin: { policy: 'BorderPolicy/shop/web', rule: n },
      family: 4,
      action: 'Allow',
      outside: { ...anywhere, nets: net(n) },
      widen: false,
    }),
  );
  const [part] = before.parts;
  const [first, second] = part?.stages ?? [];
  if (part === undefined || first === undefined || second === undefined) throw new Error('no stages');
  const large: Class = { ...before, parts: [{ ...part, stages: [first, { ...second, rules: own }] }] };
  const {
    refusals,
    list,
    ruleset: said,
  } = flattenSayable(
    {
      ...one,
      classes: new Map([
        ['c', large],
        ['d', { ...before, id: 'd' }],
      ]),
    },
    'edge-1',
    classLayout,
    full,
  );
  expect(refusals.map(({ code, path }) => `${code} ${path}`)).toEqual(['FLAT_LIMIT class c']);
  expect(refusals[0]?.message).toContain('BorderPolicy/shop/web, ClusterBorderPolicy/bank');
  expect(list.rules.filter((rule) => rule.source.kind === 'Source' && rule.source.id === 'c')).toHaveLength(1);
  expect(prove(said, list)).toEqual({ kind: 'Equal' });
});
