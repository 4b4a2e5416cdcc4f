import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrive, wander, wanderingLine } from './wandering.ts';
import { PATIENCE_MS, tries } from '../kit/runs.ts';

test(
  'wherever a story wandered, it ends where one that starts there begins, and then nothing is written',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(wanderingLine, { minLength: 5, maxLength: 40 }), async (lines) => {
        await wander(lines, async (teller) => {
          const { stage, run } = teller;
          // A folder that lost more than half is doubted for as long as the process lives.
          if (stage.controller.world.state.kind === 'complete') await arrive(teller);
          await run('restart controller');
          await arrive(teller);
          await run('restart controller');
          expect(stage.sent).toEqual([]);
        });
      }),
      tries(3, 2),
    );
  },
  PATIENCE_MS,
);
