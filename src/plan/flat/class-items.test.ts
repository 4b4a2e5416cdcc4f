import { describe, expect, test } from 'vitest';
import type { BorderRule, Class, Part, Stage } from '../../border/ruleset.ts';
import { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { itemsOfClass } from './class-items.ts';

const nowhere = { groups: [], notGroups: [], domains: [] } as const;

let count = 0;
function rule(action: BorderRule['action'], more: Partial<BorderRule> = {}): BorderRule {
  count++;
  return { origin: { policy: 'p', rule: count }, family: 4, action, outside: nowhere, widen: false, ...more };
}
const port = (n: number): Partial<BorderRule> => ({ protocol: 6, ports: PortSet.of(n) });
const net = (text: string): Partial<BorderRule> => ({ outside: { ...nowhere, nets: PrefixSet.parse([text]) } });

function stage(layer: Stage['layer'], end: Stage['end'], ...rules: readonly BorderRule[]): Stage {
  return { id: `${layer}${end}${rules.length}`, layer, name: layer, rules, end, endOrigin: { policy: `end/${layer}` } };
}

function part(otherwise: Part['otherwise'], ...stages: readonly Stage[]): Part {
  return { id: 'part', stages, otherwise, otherwiseOrigin: { policy: 'otherwise' } };
}

function actions(parts: readonly Part[], widened: readonly Part[] = []): readonly string[] {
  const one: Class = { id: 'c', family: 4, parts, widened };
  return itemsOfClass(one, PrefixSet.all, 'Full').map((item) => `${item.action}${item.narrowed ? ' narrowed' : ''}`);
}

describe('Pass costs no more than it has to (design 8.6)', () => {
  const own = stage(
    'BorderPolicy',
    'Deny',
    rule('Deny', net('203.0.113.1/32')),
    rule('Allow', port(80)),
    rule('Deny', net('203.0.113.2/32')),
    rule('Allow', net('203.0.113.0/24')),
  );

  test('of everything: the rest of the stage is gone, nothing is narrowed', () => {
    const first = stage('ClusterBorderPolicy', 'Deny', rule('Deny', port(25)), rule('Next'), rule('Allow'));
    expect(actions([part('Deny', first, own)])).toEqual(['Deny', 'Deny', 'Allow', 'Deny', 'Allow', 'Deny']);
  });

  test('where all else is denied: Allow rules are narrowed, Deny rules stand as they are', () => {
    const first = stage('ClusterBorderPolicy', 'Deny', rule('Allow', port(53)), rule('Next', port(443)));
    expect(actions([part('Deny', first, own)])).toEqual(['Allow', 'Deny', 'Deny', 'Allow narrowed', 'Deny']);
  });

  test('before nothing that it could meet: nothing', () => {
    const tier = stage('Tier', 'Next', rule('Next', port(443)), rule('Deny', port(25)));
    expect(actions([part('Deny', tier, own)])).toEqual(['Deny', 'Deny', 'Allow', 'Deny', 'Allow', 'Deny']);
  });

  test('several to one place are one', () => {
    const first = stage(
      'ClusterBorderPolicy',
      'Deny',
      rule('Next', net('203.0.113.0/26')),
      rule('Allow', net('198.51.100.0/24')),
      rule('Next', net('203.0.113.128/26')),
    );
    expect(actions([part('Deny', first, own)])).toEqual([
      'Allow',
      'Deny',
      'Allow narrowed',
      'Deny',
      'Allow narrowed',
      'Deny',
    ]);
  });

  test('an item that stands in two places is left out of one of them alone', () => {
    // What the first tier skips and what it leaves meet the same BorderPolicy, narrowed by the same Pass.
    const both = stage('Tier', 'Next', rule('SkipToOwn', { protocol: 6 }), rule('Log', { protocol: 6 }));
    const last = stage('BorderPolicy', 'Next', rule('Next', { protocol: 1 }), rule('Deny'));
    expect(actions([part('Allow', both, last)])).toContain('Leave narrowed');
  });
});

describe('what an Allow gives (decision 9)', () => {
  test.each<[string, readonly Part[], readonly string[]]>([
    [
      'of a ClusterBorderPolicy',
      [part('Deny', stage('ClusterBorderPolicy', 'Deny', rule('Allow', port(80))))],
      ['Allow', 'Deny'],
    ],
    ['of a BorderPolicy', [part('Deny', stage('BorderPolicy', 'Deny', rule('Allow', port(80))))], ['Allow', 'Deny']],
    ['of a repeated tier', [part('Deny', stage('Tier', 'Deny', rule('Allow', port(80))))], ['Leave', 'Deny']],
    ['of a profile', [part('Allow', stage('Tier', 'Next', rule('Deny', port(80))))], ['Deny', 'Leave']],
    ['of nobody', [], ['Leave']],
    [
      'of one of two senders, where the other one is only not dropped',
      [
        part('Deny', stage('ClusterBorderPolicy', 'Deny', rule('Allow', port(80)))),
        part('Deny', stage('Tier', 'Deny', rule('Allow'))),
      ],
      ['Leave narrowed', 'Deny'],
    ],
    [
      'of both of two senders',
      [
        part('Deny', stage('ClusterBorderPolicy', 'Deny', rule('Allow', port(80)))),
        part('Deny', stage('BorderPolicy', 'Deny', rule('Allow', net('203.0.113.0/24')))),
      ],
      ['Allow narrowed', 'Deny'],
    ],
  ])('%s', (_whose, parts, wanted) => {
    expect(actions(parts)).toEqual(wanted);
  });

  test('widened rules come first, and only those that say so', () => {
    const first = part('Allow', stage('ClusterBorderPolicy', 'Next', rule('Allow', { widen: true }), rule('Deny')));
    expect(actions([part('Deny')], [first])).toEqual(['Allow']);
  });
});
