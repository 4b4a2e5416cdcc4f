import { expect, test } from 'vitest';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { NatTarget, Ruleset } from '../../../border/ruleset.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import { translate } from '../table/translate.ts';
import { affected } from './affected.ts';

const [POD, OTHER] = ['10.0.0.1', '10.0.0.2'];

/** A class `c`, which ends so, and one that lets everything pass; who is in which, and is translated to what. */
function ruleset(
  end: 'Deny' | 'Next',
  members: Readonly<Record<string, 'c' | 'free'>>,
  translated: Readonly<Record<string, string>> = {},
  networks = '10.0.0.0/8',
): Ruleset {
  const endOrigin = { policy: 'layer/ClusterBorderPolicy' };
  const stage = {
    id: 's',
    layer: 'ClusterBorderPolicy',
    name: 'ClusterBorderPolicy',
    rules: [],
    end,
    endOrigin,
  } as const;
  const part = { id: 'p', stages: [stage], otherwise: 'Allow', otherwiseOrigin: { policy: 'unselected' } } as const;
  const sources = Object.entries(translated).map(([sender, address]): [string, NatTarget] => [
    sender,
    { kind: 'Address', address },
  ]);
  return {
    firewall: 'edge-1',
    cluster: 'lab',
    destinations: PrefixSet.all,
    inside: PrefixSet.parse(['10.0.0.0/8']),
    networks: PrefixSet.parse([networks]),
    classes: new Map([
      ['c', { id: 'c', family: 4, parts: [part], widened: [] }],
      ['free', { id: 'free', family: 4, parts: [], widened: [] }],
    ]),
    members: BucketMap.from(Object.entries(members)),
    groups: new Map(),
    nats: [
      {
        id: 'n',
        family: 4,
        origin: { policy: 'SourceNAT/out' },
        destination: PrefixSet.all,
        sources: BucketMap.from(sources),
      },
    ],
    established: 'Cut',
  };
}

test.each<[string, Ruleset, Ruleset, readonly string[], readonly string[]]>([
  ['nothing', ruleset('Next', { [POD]: 'c' }), ruleset('Next', { [POD]: 'c' }), [], []],
  [
    'the rules of a class',
    ruleset('Next', { [POD]: 'c' }),
    ruleset('Deny', { [POD]: 'c', [OTHER]: 'free' }),
    [POD],
    [],
  ],
  ['a class', ruleset('Deny', { [POD]: 'free' }), ruleset('Deny', { [POD]: 'c' }), [POD], []],
  [
    'a translation',
    ruleset('Next', { [POD]: 'c', [OTHER]: 'c' }, { [POD]: '192.0.2.1' }),
    ruleset('Next', { [POD]: 'c', [OTHER]: 'c' }, { [POD]: '192.0.2.2' }),
    [POD],
    [],
  ],
  [
    'a translation that comes',
    ruleset('Next', { [POD]: 'c' }),
    ruleset('Next', { [POD]: 'c' }, { [POD]: '192.0.2.2' }),
    [POD],
    [],
  ],
  ['who leaves, and must be known', ruleset('Next', { [POD]: 'c' }), ruleset('Next', {}), [], [POD]],
  [
    'who leaves, and need not be known',
    ruleset('Next', { [POD]: 'c' }, {}, '172.16.0.0/12'),
    ruleset('Next', {}, {}, '172.16.0.0/12'),
    [POD],
    [],
  ],
  ['who comes, and could say nothing', ruleset('Next', {}), ruleset('Next', { [POD]: 'c' }), [], []],
  [
    'who comes, and could say anything',
    ruleset('Next', {}, {}, '172.16.0.0/12'),
    ruleset('Next', { [POD]: 'c' }, {}, '172.16.0.0/12'),
    [POD],
    [],
  ],
  [
    'who comes and may say anything, as he could',
    ruleset('Next', {}, {}, '172.16.0.0/12'),
    ruleset('Next', { [POD]: 'free' }, {}, '172.16.0.0/12'),
    [],
    [],
  ],
])('whose connections are looked at again: %s', (_, before, after, changed, gone) => {
  const found = affected(translate(before).table, translate(after).table);
  expect([found.changed[4], found.gone[4], found.everyone]).toEqual([changed, gone, false]);
});
