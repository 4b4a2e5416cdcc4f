import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fateOf, worstCases } from '../../test/kit/ruleset-oracle.ts';
import { rulesets } from '../../test/kit/rulesets.ts';
import { everyPacket } from '../../test/kit/universe.ts';
import { fateUnder } from '../plan/fate.ts';
import { behaviourOf } from '../plan/ruleset-behaviour.ts';
import { refuseRules } from './refuse.ts';
import { tries } from '../../test/kit/runs.ts';

const packets = everyPacket([4]).filter((_, at) => at % 7 === 0);

test('what is refused never lets more through, and what is not refused stays the same object', () => {
  fc.assert(
    fc.property(rulesets({ domains: true, families: [4] }), (ruleset) => {
      const { ruleset: said, refusals } = refuseRules(ruleset, 'edge-1', (rule) =>
        rule.outside.domains.length > 0 ? 'domain names' : undefined,
      );
      const behaviour = behaviourOf(said);
      for (const packet of packets)
        if (fateUnder(behaviour, packet).passes)
          for (const resolves of worstCases(ruleset, packet))
            expect(fateOf(ruleset, packet, resolves).passes).toBe(true);
      for (const [id, one] of said.classes) {
        const speaks = JSON.stringify(one) !== JSON.stringify(ruleset.classes.get(id));
        if (!speaks) expect(one).toBe(ruleset.classes.get(id));
      }
      if (refusals.length === 0) expect(said).toBe(ruleset);
      for (const { message } of refusals)
        expect(message).toMatch(/^edge-1 cannot say domain names; it (is left out|denies everything in its place)$/);
    }),
    tries(30),
  );
});
