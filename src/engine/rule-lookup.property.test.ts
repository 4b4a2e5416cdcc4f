import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PATIENCE_MS, tries } from '../../test/kit/runs.ts';
import type { Policy, Rule } from '../inventory/model.ts';
import { ruleOf, sideOf } from '../inventory/rule-shape.ts';
import { parseAddress } from '../ip/address.ts';
import { PortSet } from '../ip/port-set.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { all } from '../selector/node.ts';
import { selectorOf } from '../selector/selector.ts';
import { Backends } from './backends.ts';
import type { Packet } from './packet.ts';
import type { Party } from './party.ts';
import { RuleLookups } from './rule-lookup.ts';
import { ruleMatches } from './rule-match.ts';

const V4 = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '10.128.0.1', '192.0.2.255', '255.255.255.255', '0.0.0.0'];
const V6 = ['fd00::1', 'fd00::1:1', '2001:db8::1', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'];
const NETS4 = [
  '10.0.0.1/32',
  '10.0.0.0/30',
  '10.0.0.0/24',
  '10.0.0.0/8',
  '0.0.0.0/0',
  '128.0.0.0/1',
  '255.255.255.255/32',
];
const NETS6 = ['fd00::1/128', 'fd00::/64', 'fd00::/8', '::/0', '8000::/1', '2001:db8::/32'];

const nets = fc
  .option(fc.subarray([...NETS4, ...NETS6], { minLength: 1, maxLength: 4 }), { nil: undefined })
  .map((texts) => texts && PrefixSet.parse(texts));
const ports = fc
  .option(fc.subarray([80, 443], { minLength: 1 }), { nil: undefined, freq: 1 })
  .map((numbers) => numbers && { numbers: PortSet.of(...numbers), names: [] });
const side = fc.record({ nets, notNets: fc.option(nets, { nil: undefined, freq: 1 }), ports }).map(sideOf);
const rule = fc
  .record({
    action: fc.constantFrom('Allow' as const, 'Deny' as const, 'Pass' as const, 'Log' as const),
    protocol: fc.constantFrom(undefined, 6, 17),
    source: side,
    destination: side,
  })
  .map((fields) => ruleOf({ ...fields, index: 0, broken: false }));
const policies = fc
  .array(fc.record({ ingress: fc.array(rule, { maxLength: 9 }), egress: fc.array(rule, { maxLength: 9 }) }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((lists) => lists.map(({ ingress, egress }, n) => policyOf(`p${n}`, ingress, egress)));
const flow = fc.constantFrom(V4, V6).chain((addresses) =>
  fc.record({
    source: fc.constantFrom(...addresses),
    destination: fc.constantFrom(...addresses),
    protocol: fc.constantFrom(6, 17, 1),
    destinationPort: fc.constantFrom(80, 443, 8080),
  }),
);

function policyOf(name: string, ingress: readonly Rule[], egress: readonly Rule[]): Policy {
  const numbered = (rules: readonly Rule[]): readonly Rule[] => rules.map((each, index) => ({ ...each, index }));
  return {
    id: `GlobalNetworkPolicy/${name}`,
    kind: 'GlobalNetworkPolicy',
    namespace: '',
    name,
    tier: 'default',
    order: 1,
    appliesTo: selectorOf(all()),
    ingress: numbered(ingress),
    egress: numbered(egress),
    place: {},
    directions: { ingress: true, egress: true },
    doNotTrack: false,
    preDNAT: false,
    applyOnForward: false,
  };
}

function partyAt(address: Packet['source']): Party {
  return { address, holders: [], sets: [], backends: new Backends(), selected: new Map() };
}

function addressOf(text: string): Packet['source'] {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}

test(
  'finds the rule that a walk finds, whenever it is asked',
  () => {
    fc.assert(
      fc.property(policies, fc.array(flow, { minLength: 1, maxLength: 10 }), (list, flows) => {
        const lookups = new RuleLookups();
        for (const question of [...flows, ...flows, ...flows])
          for (const direction of ['ingress', 'egress'] as const) {
            const source = addressOf(question.source);
            const packet = { ...question, family: source.family, source, destination: addressOf(question.destination) };
            const [from, to] = [partyAt(packet.source), partyAt(packet.destination)];
            const walked = list
              .flatMap((policy) => (policy[direction] ?? []).map((each) => ({ policy, rule: each })))
              .find((each) => each.rule.action !== 'Log' && ruleMatches(each.rule, packet, from, to));
            expect(lookups.first(list, direction, packet, from, to)).toEqual(walked);
          }
      }),
      tries(300, 100),
    );
  },
  PATIENCE_MS,
);
