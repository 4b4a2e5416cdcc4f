import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fateOf } from '../../test/kit/ruleset-oracle.ts';
import { rulesetPairs, rulesets, withOtherMembers } from '../../test/kit/rulesets.ts';
import { packets } from '../../test/kit/universe.ts';
import { BucketMap } from '../base/bucket-map.ts';
import type { Ruleset } from '../border/ruleset.ts';
import { parseAddress } from '../ip/address.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { PacketText } from './fate.ts';
import { absentBehaviour, behaviourOf } from './ruleset-behaviour.ts';
import { type Traffic, isUnchanged, trafficBetween } from './traffic.ts';
import { tries } from '../../test/kit/runs.ts';

function addressOf(text: string): NonNullable<ReturnType<typeof parseAddress>> {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}

function says(traffic: Traffic, what: 'gained' | 'lost', packet: PacketText): boolean {
  const flow = { ...packet, source: addressOf(packet.source), destination: addressOf(packet.destination) };
  return traffic.changes.some(
    (change) => change.senders.includes(packet.source) && change.flows !== undefined && change.flows[what].has(flow),
  );
}

/** In this universe the only destinations in reach of a small change of `inside`. */
const nearNodes = new Set(['10.0.0.3', '10.0.1.1', 'fd00::3']);

describe('traffic between two behaviours', () => {
  test('tells of every packet of a known sender whether it is gained, lost or neither, and its translation', () => {
    fc.assert(
      fc.property(rulesetPairs(), fc.array(packets(), { minLength: 25, maxLength: 25 }), ([old, now], list) => {
        const traffic = trafficBetween(behaviourOf(old), behaviourOf(now));
        for (const packet of list) {
          if (nearNodes.has(packet.destination)) continue;
          if (!old.members.has(packet.source) && !now.members.has(packet.source)) continue;
          const before = fateOf(old, packet);
          const after = fateOf(now, packet);
          expect(says(traffic, 'gained', packet)).toBe(!before.passes && after.passes);
          expect(says(traffic, 'lost', packet)).toBe(before.passes && !after.passes);
          if (!before.passes || !after.passes || !old.members.has(packet.source) || !now.members.has(packet.source))
            continue;
          const flow = { ...packet, source: addressOf(packet.source), destination: addressOf(packet.destination) };
          const moved = traffic.translations.find((one) => one.senders.includes(packet.source) && one.flows.has(flow));
          const governed = [old, now].every((one) => one.destinations.contains(flow.destination));
          if (governed)
            expect([moved?.from, moved?.to]).toEqual(
              before.from === after.from
                ? [undefined, undefined]
                : [before.from ?? 'its own address', after.from ?? 'its own address'],
            );
        }
      }),
      tries(60, 20),
    );
  });

  test('of a ruleset with itself is nothing, and the way back is the way there turned round', () => {
    fc.assert(
      fc.property(rulesetPairs(), ([old, now]) => {
        expect(isUnchanged(trafficBetween(behaviourOf(old), behaviourOf(old)))).toBe(true);
        const there = trafficBetween(behaviourOf(old), behaviourOf(now));
        const back = trafficBetween(behaviourOf(now), behaviourOf(old));
        expect(back.freed.equals(there.taken)).toBe(true);
        expect(back.unknownGained.equals(there.unknownLost)).toBe(true);
        expect(back.changes.length).toBe(there.changes.length);
        for (const change of there.changes) {
          const other = back.changes.find(
            (one) => one.senders.join() === change.senders.join() && one.family === change.family,
          );
          expect(other?.flows?.gained.equals(change.flows?.lost ?? other.flows.lost)).toBe(true);
        }
      }),
      tries(15, 5),
    );
  });

  test('restricted to the senders that changed, says the same when only members changed', () => {
    fc.assert(
      fc.property(
        rulesets().chain((one) => fc.tuple(fc.constant(one), withOtherMembers(one))),
        ([old, now]) => {
          const { added, removed, changed } = old.members.difference(now.members);
          const only = [...added, ...removed, ...changed].map(([sender]) => sender);
          const whole = trafficBetween(behaviourOf(old), behaviourOf(now));
          const part = trafficBetween(behaviourOf(old), behaviourOf(now), { only });
          expect(part.changes.map(({ senders, presence }) => [senders, presence])).toEqual(
            whole.changes.map(({ senders, presence }) => [senders, presence]),
          );
        },
      ),
      tries(15, 5),
    );
  });

  test('a device without anything of ours lets everything pass', () => {
    const ruleset: Ruleset = {
      firewall: 'edge-1',
      cluster: 'lab',
      destinations: PrefixSet.all,
      inside: PrefixSet.parse(['10.0.0.0/8']),
      networks: PrefixSet.parse(['10.0.0.0/16']),
      classes: new Map([
        [
          'deny',
          {
            id: 'deny',
            family: 4,
            parts: [{ id: 'p', stages: [], otherwise: 'Deny', otherwiseOrigin: { policy: 'layer/unselected' } }],
            widened: [],
          },
        ],
      ]),
      members: BucketMap.from([['10.0.0.1', 'deny']]),
      groups: new Map(),
      nats: [],
      established: 'Cut',
    };
    const traffic = trafficBetween(absentBehaviour, behaviourOf(ruleset));
    expect(traffic.changes).toHaveLength(1);
    expect(traffic.changes[0]?.presence).toBe('joins');
    expect(traffic.changes[0]?.flows?.gained.isEmpty).toBe(true);
    expect(traffic.changes[0]?.flows?.lost.describe()).toEqual(expect.arrayContaining([expect.stringContaining('to')]));
    expect(traffic.unknownLost.toString()).toBe('10.0.0.0/16');
  });

  test('a node that joins is no change of what is governed, a pool is', () => {
    const base = fc.sample(rulesets({ families: [4] }), { numRuns: 1, seed: 3 })[0];
    if (base === undefined) throw new Error('no sample');
    const old = { ...base, destinations: PrefixSet.all, inside: PrefixSet.parse(['10.0.0.0/8']) };
    const node = { ...old, inside: old.inside.union(PrefixSet.parse(['192.0.2.9'])) };
    const pool = { ...old, inside: old.inside.union(PrefixSet.parse(['192.0.0.0/16'])) };
    expect(isUnchanged(trafficBetween(behaviourOf(old), behaviourOf(node)))).toBe(true);
    expect(trafficBetween(behaviourOf(old), behaviourOf(pool)).freed.toString()).toBe('192.0.0.0/16');
  });
});
