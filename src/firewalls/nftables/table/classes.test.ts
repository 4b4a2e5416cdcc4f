import { describe, expect, test } from 'vitest';
import { depthProblem } from '../../../../test/kit/nft-depth.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { BorderRule, Class, Part, Ruleset, Stage } from '../../../border/ruleset.ts';
import type { Flow } from '../../../engine/flows/flow-set.ts';
import { parseAddress } from '../../../ip/address.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import { MOST_NESTED_STAGES } from './classes.ts';
import { translate } from './translate.ts';
import { passes } from '../meaning/walk.ts';

const toBank: BorderRule = {
  origin: { policy: 'BorderPolicy/shop/web', rule: 0 },
  family: 4,
  action: 'Allow',
  outside: { groups: [], notGroups: [], domains: [] },
  widen: false,
};

function stage(id: string, ...rules: BorderRule[]): Stage {
  return { id, layer: 'Tier', name: id, rules, end: 'Next', endOrigin: { policy: `end/${id}` } };
}

function part(id: string, ...stages: Stage[]): Part {
  return { id, stages, otherwise: 'Deny', otherwiseOrigin: { policy: 'unselected' } };
}

function rulesetOf(...parts: Part[]): Ruleset {
  const of: Class = { id: 'c', family: 4, parts, widened: [] };
  return {
    firewall: 'edge-1',
    cluster: 'lab',
    destinations: PrefixSet.all,
    inside: PrefixSet.empty,
    networks: PrefixSet.empty,
    classes: new Map([['c', of]]),
    members: BucketMap.from([['10.0.0.1', 'c']]),
    groups: new Map(),
    nats: [],
    established: 'Cut',
  };
}

function flow(destination: string): Flow {
  const [source, to] = ['10.0.0.1', destination].map(parseAddress);
  if (source === undefined || to === undefined) throw new Error('no address');
  return { family: 4, source, destination: to, protocol: 6, sourcePort: 50_000, destinationPort: 443 };
}

describe('what nftables cannot say', () => {
  const named = { groups: [], notGroups: [], domains: ['bank.example'] };

  test('an Allow for a domain is refused once and left out', () => {
    const rule = { ...toBank, outside: named };
    const { table, refusals } = translate(rulesetOf(part('a', stage('s', rule)), part('b', stage('t', rule))));
    expect(refusals).toEqual([
      expect.objectContaining({
        code: 'DOMAINS_UNSUPPORTED',
        object: 'BorderPolicy/shop/web',
        path: 'spec.egress[0].domains',
      }),
    ]);
    expect(passes(table, flow('203.0.113.1'))).toBe(false);
  });

  test.each(['Deny', 'Next'] as const)('a %s for a domain denies whatever else of it matches', (action) => {
    const outside = { ...named, nets: PrefixSet.parse(['203.0.113.0/24']) };
    const rules = [{ ...toBank, action, outside }, toBank];
    const { table, refusals } = translate(rulesetOf(part('a', stage('s', ...rules))));
    expect(refusals).toHaveLength(1);
    expect(passes(table, flow('203.0.113.1'))).toBe(false);
    expect(passes(table, flow('198.51.100.1'))).toBe(true);
  });

  const nested = (count: number): Part =>
    part(
      `deep-${count}`,
      ...Array.from({ length: count }, (_, i) => stage(`s${i}`, { ...toBank, action: 'Log' })),
      stage('last', toBank),
    );

  test('a shared address with too many tiers is denied everything, and it is said', () => {
    const { table, refusals } = translate(rulesetOf(nested(MOST_NESTED_STAGES), part('b', stage('t', toBank))));
    expect(refusals.map(({ code }) => code)).toEqual(['CHAIN_DEPTH']);
    expect(depthProblem(table)).toBeUndefined();
    expect(passes(table, flow('203.0.113.1'))).toBe(false);
  });

  test('one tier fewer is as deep as the kernel goes', () => {
    const { table, refusals } = translate(rulesetOf(nested(MOST_NESTED_STAGES - 1), part('b', stage('t', toBank))));
    expect(refusals).toEqual([]);
    expect(depthProblem(table)).toBeUndefined();
    expect(passes(table, flow('203.0.113.1'))).toBe(true);
  });

  test('an address of its own may have any number of tiers', () => {
    const { table, refusals } = translate(rulesetOf(nested(40)));
    expect(refusals).toEqual([]);
    expect(depthProblem(table)).toBeUndefined();
    expect(passes(table, flow('203.0.113.1'))).toBe(true);
  });
});
