import { deadline } from '../base/deadline.ts';
import { SallyportError } from '../base/error.ts';
import type { Step } from '../plan/step.ts';
import type { CommandFirewall } from './firewalls.ts';
import type { Terminal } from './terminal.ts';

/** Longest time of one write. */
const STEP_MS = 60_000;
/** Steps are made anew from what is read back after each round; a device that never gets there is not written to for ever. */
const MOST_ROUNDS = 6;

/**
 * Carries out steps, a line for each, and reads back until the device holds what they are for. `stepsNow` reads the device and tells
 * what is left. Resolves with the number of steps done.
 */
export async function carryOut(
  terminal: Terminal,
  { name, device }: CommandFirewall,
  stepsNow: () => Promise<readonly Step[]>,
  stop: AbortSignal,
): Promise<number> {
  let done = 0;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const steps = await stepsNow();
    if (steps.length === 0) return done;
    for (const step of steps) {
      using limit = deadline(stop, STEP_MS, 'DEVICE_UNREACHABLE');
      const started = performance.now();
      await device.driver.apply(step, limit.signal);
      done += 1;
      terminal.err(
        `${name}: ${step.title} (${step.objects.length} object${step.objects.length === 1 ? '' : 's'}, ${Math.round(performance.now() - started)} ms)`,
      );
    }
  }
  throw new SallyportError(
    'DEVICE_CHANGED',
    `${name} does not hold what was written to it; somebody else changes it at the same time`,
  );
}
