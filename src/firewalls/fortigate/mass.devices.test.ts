import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { PATIENCE_MS } from '../../../test/kit/runs.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { allowing, crowd, passing, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';
import { FILTER, contractHarness } from './contract.fixture.ts';

const crowds = (free: number, held: number): Ruleset =>
  world(
    { ...crowd(free, 'free'), ...crowd(held, 'bank') },
    [passing('free'), allowing('bank', '203.0.113.0/24', 443)],
    {
      networks: PrefixSet.empty,
    },
  );

test(
  'where rules deny alone and nobody is denied anything, many who lose traffic at once wait for a yes, and newcomers do not',
  async () => {
    const harness = await contractHarness('enable', FILTER);
    const clock = new FakeClock();
    const worker = new Worker({
      cluster: 'lab',
      firewall: 'edge-1',
      driver: harness.connect(),
      settings: enforce,
      clock,
      log: silentLog,
      lock: soleWriter,
    });
    worker.start();
    const wish = async (ruleset: Ruleset, newcomers = ''): Promise<void> => {
      const owners = [...ruleset.members.entries()].map(
        ([address, id]) => [address, `shop/${address}${id === 'bank' ? newcomers : ''}`] as const,
      );
      worker.desire({ kind: 'ruleset', ruleset, owners: BucketMap.from(owners) });
      await vi.waitUntil(
        async () => {
          await worker.settled();
          const { conditions, waiting } = worker.status();
          return waiting !== undefined || conditions.some(({ type, status }) => type === 'Ready' && status);
        },
        { timeout: PATIENCE_MS },
      );
    };
    try {
      await wish(crowds(50, 1));
      expect(worker.status().waiting).toBeUndefined();
      // The crowd of the second class takes over the first addresses of the first.
      await wish(crowds(50, 30));
      expect(worker.status().waiting?.reasons.join()).toContain('29 of 50 workloads lose traffic');
      await wish(crowds(50, 30), ' an heir');
      expect(worker.status().waiting).toBeUndefined();
    } finally {
      await worker.stop();
      await harness.close();
    }
  },
  PATIENCE_MS,
);
