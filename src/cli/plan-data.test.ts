import { expect, test } from 'vitest';
import { BucketMap } from '../base/bucket-map.ts';
import { FlowSet } from '../engine/flows/flow-set.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { Behaviour } from '../plan/behaviour.ts';
import { trafficBetween } from '../plan/traffic.ts';
import { traffic } from './output-plan.ts';
import { trafficData } from './plan-data.ts';

function giving(addresses: readonly string[]): Behaviour {
  return {
    present: true,
    destinations: PrefixSet.empty,
    inside: PrefixSet.empty,
    networks: PrefixSet.empty,
    senders: BucketMap.from<string>([]),
    allowed: (_id, family) => FlowSet.everything(family),
    translations: () => [],
    lists: new Map([
      ['payers', { resource: 'AddressGroup/payers', use: 'Allow', addresses: { 4: addresses, 6: [] } }],
      ['blocked', { resource: 'AddressGroup/blocked', use: 'Deny', addresses: { 4: addresses, 6: [] } }],
    ]),
  };
}

test('who joins and leaves lists is in the plan as JSON, as it is in the text', () => {
  const data = trafficData(trafficBetween(giving(['10.0.0.1', '10.0.0.2']), giving(['10.0.0.2', '10.0.0.3'])));
  const change = { joins: ['10.0.0.3'], leaves: ['10.0.0.1'], opens: false };
  expect(data.lists).toEqual([
    { list: 'blocked', resource: 'AddressGroup/blocked', ...change, gained: ['10.0.0.1'], lost: ['10.0.0.3'] },
    { list: 'payers', resource: 'AddressGroup/payers', ...change, gained: ['10.0.0.3'], lost: ['10.0.0.1'] },
  ]);
  expect(traffic.safeParse(data).error?.issues).toBeUndefined();
});
