import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PortSet } from '../../src/ip/port-set.ts';
import { PrefixSet } from '../../src/ip/prefix-set.ts';
import { fateOf } from './ruleset-oracle.ts';
import { tries } from './runs.ts';
import { rulesetPairs, rulesets } from './rulesets.ts';
import { packets } from './universe.ts';

test('every member has a class of its own family, and equal stage ids mean equal rules', () => {
  fc.assert(
    fc.property(rulesets({ domains: true, hostile: true }), (ruleset) => {
      for (const [address, id] of ruleset.members.entries())
        expect(ruleset.classes.get(id)?.family).toBe(address.includes(':') ? 6 : 4);
      const seen = new Map<string, string>();
      for (const one of ruleset.classes.values())
        for (const part of [...one.parts, ...one.widened])
          for (const stage of part.stages) {
            const text = JSON.stringify(stage, (_key, value: unknown) =>
              value instanceof PrefixSet || value instanceof PortSet ? value.toString() : value,
            );
            expect(seen.get(stage.id) ?? text).toBe(text);
            seen.set(stage.id, text);
          }
    }),
    tries(30, 10),
  );
});

test('random packets meet both fates, translations and strangers', () => {
  const fates = new Map<string, number>();
  fc.assert(
    fc.property(rulesetPairs(), fc.array(packets(), { minLength: 10, maxLength: 10 }), ([ruleset], list) => {
      for (const packet of list) {
        const fate = fateOf(ruleset, packet);
        const known = ruleset.members.has(packet.source);
        const key = `${known ? 'known' : 'stranger'} ${fate.passes ? (fate.from === undefined ? 'passes' : 'translated') : 'dropped'}`;
        fates.set(key, (fates.get(key) ?? 0) + 1);
      }
    }),
    { numRuns: 200, seed: 1 },
  );
  for (const key of ['known passes', 'known dropped', 'known translated', 'stranger passes', 'stranger dropped'])
    expect(fates.get(key) ?? 0, key).toBeGreaterThan(30);
});
