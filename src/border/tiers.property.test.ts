import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BorderWorld, packet } from '../../test/kit/border-world.ts';
import { TIER_ADDRESSES, tierWorlds } from '../../test/kit/random-tiers.ts';
import { SlowBorder } from '../../test/kit/slow-border.ts';
import { loadWorld } from '../engine/world.ts';
import { evaluate } from './evaluate.ts';
import { tries } from '../../test/kit/runs.ts';

const WHAT = {
  4: [
    { proto: 6, dport: 443 },
    { proto: 6, dport: 80 },
    { proto: 17, dport: 53 },
    { proto: 132, dport: 80 },
    { proto: 47 },
    { proto: 1, icmpType: 8, icmpCode: 0 },
    { proto: 1, icmpType: 3, icmpCode: 1 },
  ],
  6: [
    { proto: 6, dport: 443 },
    { proto: 6, dport: 80 },
    { proto: 17, dport: 53 },
    { proto: 58, icmpType: 128, icmpCode: 0 },
    { proto: 58, icmpType: 3, icmpCode: 0 },
  ],
} as const;
const FLOWS = TIER_ADDRESSES.inside.flatMap((src) => {
  const family = src.includes(':') ? 6 : 4;
  return TIER_ADDRESSES.outside
    .filter((dst) => dst.includes(':') === (family === 6))
    .flatMap((dst) => WHAT[family].map((what) => ({ src, dst, sport: 40_000, ...what })));
});

test('a repeated tier does at the border what it does in the cluster, by an independent evaluator and by the engine', () => {
  const seen = new Map<string, number>();
  const alike = fc.property(tierWorlds, ({ manifests }) => {
    const ruleset = new BorderWorld(...manifests).ruleset();
    const oracles = [new SlowBorder(manifests, 'edge'), new SlowBorder(manifests, 'edge', loadWorld)];
    for (const flow of FLOWS) {
      const { src, dst, proto, ...rest } = flow;
      const what = {
        protocol: proto,
        destinationPort: ('dport' in rest ? rest.dport : undefined) as never,
        ...('icmpType' in rest ? { icmpType: rest.icmpType, icmpCode: rest.icmpCode } : {}),
      };
      const result = evaluate(ruleset, packet(src, dst, what));
      seen.set(result.reason, (seen.get(result.reason) ?? 0) + 1);
      for (const oracle of oracles) {
        const fate = oracle.fate(flow);
        expect(result.passes, JSON.stringify({ flow, fate, result })).toBe(fate.passes);
      }
    }
  });
  // That these worlds meet every reason must not be up to chance.
  fc.assert(alike, { ...tries(4), seed: 1 });
  for (const reason of ['unknown-source', 'unselected', 'rule', 'end'])
    expect(seen.get(reason) ?? 0, reason).toBeGreaterThan(0);
  fc.assert(alike, tries(6, 2));
});
