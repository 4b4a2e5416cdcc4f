import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Packet, fateOf } from '../../test/kit/ruleset-oracle.ts';
import { rulesets } from '../../test/kit/rulesets.ts';
import { packets } from '../../test/kit/universe.ts';
import { fateUnder } from './fate.ts';
import { absentBehaviour, behaviourOf } from './ruleset-behaviour.ts';
import { tries } from '../../test/kit/runs.ts';

test('a ruleset read as sets of flows does to every packet what it does rule by rule', () => {
  fc.assert(
    fc.property(rulesets(), fc.array(packets(), { minLength: 20, maxLength: 20 }), (ruleset, list) => {
      const behaviour = behaviourOf(ruleset);
      for (const packet of list) expect(fateUnder(behaviour, packet)).toEqual(fateOf(ruleset, packet));
    }),
    tries(70, 24),
  );
});

test('a device that holds nothing of ours lets everything through', () => {
  const packet: Packet = {
    family: 4,
    source: '10.0.0.1',
    destination: '203.0.113.1',
    protocol: 6,
    destinationPort: 80,
  };
  expect(fateUnder(absentBehaviour, packet)).toEqual({ passes: true, from: undefined });
});
