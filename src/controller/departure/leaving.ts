import { background } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import { toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { Worker } from '../../firewalls/worker/worker.ts';

/** How often a device that does not answer is asked to be left. */
export const LEAVE_AGAIN_MS = 10_000;

/** Until the device is left or says that it will not be. One that does not answer is asked again, until `signal` aborts. */
export async function leaveUntil(
  { name, worker }: { readonly name: string; readonly worker: Pick<Worker, 'leave' | 'stop'> },
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const stop = (): void => background('ending to leave', worker.stop(), log);
  signal.addEventListener('abort', stop, { once: true });
  while (!signal.aborted) {
    try {
      await worker.leave();
      log.info({ firewall: name }, 'the device was left; nothing of ours is there');
      return;
    } catch (thrown) {
      if (signal.aborted) return;
      const { code, message, blame } = toSallyportError(thrown);
      const passes = blame === 'transient' || blame === 'conflict';
      const fields = { firewall: name, code, error: message, againMs: passes ? LEAVE_AGAIN_MS : undefined };
      log.error(fields, 'leaving failed; what is there stays');
      if (!passes) return;
    }
    await elapsed(clock, LEAVE_AGAIN_MS, signal);
  }
}
