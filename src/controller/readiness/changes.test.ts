import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { Changes } from './changes.ts';

describe('waiting for a change', () => {
  let clock: FakeClock;
  let changes: Changes;
  const { signal } = new AbortController();
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  beforeEach(() => {
    clock = new FakeClock();
    changes = new Changes(clock);
  });

  /** Looks again and again; the times of its looks. */
  function waiter(ms = 3_600_000): number[] {
    const looks: number[] = [];
    const look = async (): Promise<void> => {
      for (;;) {
        looks.push(clock.monotonic());
        await changes.after(changes.number, ms, signal);
      }
    };
    look().catch((error: unknown) => {
      throw error;
    });
    return looks;
  }

  test('ends with the first one at once, with more five times a second, and without any not at all', async () => {
    const looks = waiter();
    clock.advance(10_000);
    await turn();
    for (let at = 0; at < 100; at++) {
      changes.changed();
      clock.advance(10);
      await turn();
    }
    clock.advance(600_000);
    await turn();
    expect(looks).toEqual([0, 10_010, 10_200, 10_400, 10_600, 10_800, 11_000]);
  });

  test('ends with the time and with the signal, and leaves no timer', async () => {
    const stop = new AbortController();
    const ended = changes.after(changes.number, 500, signal);
    clock.advance(500);
    await ended;
    const stopped = changes.after(changes.number, 500, stop.signal);
    stop.abort();
    await stopped;
    await changes.after(changes.number, 500, stop.signal);
    expect(clock.next()).toBe(undefined);
  });

  test('of thousands goes on in turns', async () => {
    const all = Array.from({ length: 1_000 }, () => waiter());
    changes.changed();
    clock.advance(0);
    await Promise.resolve();
    const first = all.filter((looks) => looks.length > 1).length;
    for (let at = 0; at < 10; at++) await turn();
    expect([first, all.filter((looks) => looks.length > 1).length]).toEqual([200, 1_000]);
  });

  test('any walk: nobody who looked before a change has not looked after it, a moment later', async () => {
    const step = fc.constantFrom('change', 'wait', 'join', 'turn');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        clock = new FakeClock();
        changes = new Changes(clock);
        const all = [waiter()];
        let changedAt = -1;
        for (const one of steps) {
          if (one === 'change') {
            clock.advance(1);
            changedAt = clock.monotonic();
            changes.changed();
          } else if (one === 'wait') clock.advance(70);
          else if (one === 'join') all.push(waiter());
          else await turn();
        }
        for (let at = 0; at < 3; at++) {
          await turn();
          clock.advance(200);
        }
        await turn();
        for (const looks of all) expect(looks.at(-1)).toBeGreaterThanOrEqual(changedAt);
      }),
      { numRuns: 100 },
    );
  });
});
