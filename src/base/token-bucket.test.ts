import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { TokenBucket } from './token-bucket.ts';

test('never more than the burst and what the time since then gives, and never a wait in vain', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0.01, max: 50, noNaN: true }),
      fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 50 }),
      (burst, perSecond, pauses) => {
        const clock = new FakeClock();
        const bucket = new TokenBucket(clock, burst, perSecond);
        let taken = 0;
        for (const pause of pauses) {
          clock.advance(pause);
          const wait = bucket.take();
          if (wait === 0) taken += 1;
          else {
            clock.advance(wait);
            expect(bucket.take()).toBe(0);
            taken += 1;
          }
          expect(taken).toBeLessThanOrEqual(burst + (clock.monotonic() / 1_000) * perSecond + 0.001);
        }
      },
    ),
  );
});
