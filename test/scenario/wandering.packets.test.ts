import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PacketDevices } from './packet-devices.ts';
import { Stage } from './stage.ts';
import { arrive, wander, wanderingLine } from './wandering.ts';

test('nftables ends where a firewall in memory does that starts there, and then nothing is written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(wanderingLine, { minLength: 5, maxLength: 25 }), async (lines) => {
      const stage = new Stage(await PacketDevices.open());
      await wander(
        lines,
        async (teller) => {
          await teller.run('restart controller');
          await arrive(teller);
          await teller.run('restart controller');
          expect(stage.sent).toEqual([]);
        },
        stage,
      );
    }),
    { numRuns: 3, endOnFailure: true },
  );
});
