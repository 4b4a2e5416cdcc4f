import { systemClock } from '../base/clock.ts';
import { deadline } from '../base/deadline.ts';
import { elapsed } from '../base/elapsed.ts';
import { SallyportError } from '../base/error.ts';
import { APPLY_DEADLINE_MS } from '../firewalls/worker/session.ts';
import { type WriterLock, soleWriter } from '../firewalls/writer-lock.ts';
import type { Step } from '../plan/step.ts';
import type { CommandFirewall } from './firewalls.ts';
import { tellingWhile } from './telling-while.ts';
import type { Terminal } from './terminal.ts';

/** Longest time of one write that says nothing else; under a Lease it has to end before that does. */
const STEP_MS = 60_000;
/** A Lease is renewed every two seconds; one that was not for so long is lost. */
const LEASE_PATIENCE_MS = 15_000;
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
      await untilHeld(name, device.lock);
      const longestMs = step.longestMs ?? (device.lock === soleWriter ? STEP_MS : APPLY_DEADLINE_MS);
      using limit = deadline(stop, longestMs, 'DEVICE_UNREACHABLE');
      const started = performance.now();
      {
        using _telling = tellingWhile(terminal, `${name}: ${step.title}`);
        await device.driver.apply(step, limit.signal, () => {
          if (!device.lock.held()) throw notTheWriter(name);
        });
      }
      done += 1;
      terminal.err(
        `${name}: ${step.title} (${step.objects.length} object${step.objects.length === 1 ? '' : 's'}, ${Math.round(performance.now() - started)} ms)`,
      );
      for (const warning of device.driver.warnings?.() ?? []) terminal.err(`warning: ${name}: ${warning}`);
    }
  }
  throw new SallyportError(
    'DEVICE_CHANGED',
    `${name} does not hold what was written to it; somebody else changes it at the same time`,
  );
}

/** What is long to compute holds up the renewals of a Lease as well. */
async function untilHeld(name: string, lock: WriterLock): Promise<void> {
  if (lock.held()) return;
  const waiting = new AbortController();
  const forget = lock.onChange(() => {
    if (lock.held()) waiting.abort();
  });
  await elapsed(systemClock, LEASE_PATIENCE_MS, waiting.signal);
  forget();
  if (!lock.held()) throw notTheWriter(name);
}

function notTheWriter(name: string): SallyportError {
  return new SallyportError('NOT_THE_WRITER', `the Lease of ${name} could not be renewed, or somebody else took it`);
}
