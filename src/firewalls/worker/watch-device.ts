import type { Clock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import { toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { Driver } from '../driver.ts';

/** Follows what a device tells of changes, for ever: a device that stops telling is asked again after `pauseMs`. Resolves with the signal. */
export async function watchDevice(
  device: {
    readonly driver: Pick<Driver, 'watch'>;
    readonly clock: Clock;
    readonly log: Log;
    readonly firewall: string;
  },
  pauseMs: number,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { driver, clock, log, firewall } = device;
  while (!signal.aborted && driver.watch !== undefined) {
    try {
      await driver.watch(changed, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const { code, message } = toSallyportError(thrown);
      log.warn({ firewall, code, error: message }, 'the firewall does not tell of changes for a while');
    }
    if (!signal.aborted) await elapsed(clock, pauseMs, signal);
  }
}
