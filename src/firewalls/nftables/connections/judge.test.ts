import { expect, test } from 'vitest';
import { flowOf } from '../../../../test/kit/universe.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import type { NftSet } from '../table/model.ts';
import { translate } from '../table/translate.ts';
import { judge, type Judgement } from './judge.ts';

const POD = '10.0.0.1';
const GIVEN_BACK = '10.0.0.2';
const PLAIN = '10.0.0.3';
const ALLOWED = '203.0.113.1';
const DENIED = '198.51.100.1';
const INSIDE = '10.9.0.1';
const ADDRESS = '192.0.2.1';

const rule = {
  origin: { policy: 'ClusterBorderPolicy/web', rule: 0 },
  family: 4,
  action: 'Allow',
  outside: { groups: [], notGroups: [], domains: [], nets: PrefixSet.parse(['203.0.113.0/24']) },
  widen: false,
} as const;
const stage = {
  id: 's',
  layer: 'ClusterBorderPolicy',
  name: 'ClusterBorderPolicy',
  rules: [rule],
  end: 'Deny',
  endOrigin: { policy: 'layer/ClusterBorderPolicy' },
} as const;
const part = { id: 'p', stages: [stage], otherwise: 'Allow', otherwiseOrigin: { policy: 'unselected' } } as const;
const ruleset: Ruleset = {
  firewall: 'edge-1',
  cluster: 'lab',
  destinations: PrefixSet.all,
  inside: PrefixSet.parse(['10.0.0.0/8']),
  networks: PrefixSet.parse(['10.0.0.0/8']),
  classes: new Map([['c', { id: 'c', family: 4, parts: [part], widened: [] }]]),
  members: BucketMap.from([POD, GIVEN_BACK, PLAIN].map((sender) => [sender, 'c'])),
  groups: new Map(),
  nats: [
    {
      id: 'n',
      family: 4,
      origin: { policy: 'SourceNAT/out' },
      destination: PrefixSet.all,
      sources: BucketMap.from([POD, GIVEN_BACK].map((sender) => [sender, { kind: 'Address', address: ADDRESS }])),
    },
  ],
  established: 'Cut',
};
const { table: wanted } = translate(ruleset);
const gone: NftSet = { type: 'address4', elements: BucketMap.from([[GIVEN_BACK, true as const]]) };
const table = { ...wanted, sets: new Map([...wanted.sets, ['gone4', gone]]) };

test.each<[string, string, string, number, string, Judgement, Judgement]>([
  ['is allowed as it is', POD, ALLOWED, 17, ADDRESS, 'Keep', 'Forget'],
  ['is allowed from another address', POD, ALLOWED, 17, '192.0.2.9', 'Restart', 'Forget'],
  ['is allowed from another address, and cannot go on from it', POD, ALLOWED, 6, '192.0.2.9', 'Cut', 'Forget'],
  ['is allowed, and left with an address that is none of ours', PLAIN, ALLOWED, 17, '192.0.2.9', 'Keep', 'Forget'],
  ['is not allowed', POD, DENIED, 17, ADDRESS, 'Cut', 'Keep'],
  ['was of an address that was given back', GIVEN_BACK, ALLOWED, 17, ADDRESS, 'Cut', 'Keep'],
  ['is not governed', POD, INSIDE, 17, POD, 'Keep', 'Forget'],
])('a connection that %s', (_, source, destination, protocol, answersTo, live, cut) => {
  const flow = flowOf({ family: 4, source, destination, protocol, sourcePort: 50_000, destinationPort: 9 });
  expect(judge(table, { flow, answersTo, dead: false })).toBe(live);
  expect(judge(table, { flow, answersTo, dead: true })).toBe(cut);
});
