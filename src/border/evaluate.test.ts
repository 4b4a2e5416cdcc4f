import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address } from '../../test/kit/border-world.ts';
import { fateOf } from '../../test/kit/ruleset-oracle.ts';
import { rulesets } from '../../test/kit/rulesets.ts';
import { packets } from '../../test/kit/universe.ts';
import { evaluate } from './evaluate.ts';
import { tries } from '../../test/kit/runs.ts';

test('agrees with a second reading of rulesets on every packet', () => {
  fc.assert(
    fc.property(rulesets(), fc.array(packets(), { minLength: 20, maxLength: 20 }), (ruleset, sent) => {
      for (const packet of sent) {
        const flow = { ...packet, source: address(packet.source), destination: address(packet.destination) };
        const fate = fateOf(ruleset, packet);
        const result = evaluate(ruleset, flow);
        expect(result.passes).toBe(fate.passes);
        if (fate.passes) expect(result.leavesAs).toBe(fate.from ?? packet.source);
      }
    }),
    tries(40, 14),
  );
});
