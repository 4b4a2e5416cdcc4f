import { SallyportError } from '../../../base/error.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';

/** Restarts a unit of systemd and waits until it is up. Rejects with HOST_DUTY_FAILED. */
export async function restartUnit(transport: Transport, unit: string, signal: AbortSignal): Promise<void> {
  await systemctl(transport, ['restart', '--', unit], signal);
}

/** Has a unit restarted without waiting: what this process is part of ends it. Rejects with HOST_DUTY_FAILED. */
export async function restartUnitSoon(transport: Transport, unit: string, signal: AbortSignal): Promise<void> {
  await systemctl(transport, ['restart', '--no-block', '--', unit], signal);
}

/** Whether a unit is up. */
export async function isActive(transport: Transport, unit: string, signal: AbortSignal): Promise<boolean> {
  const { stdout } = await transport.run('systemctl', ['is-active', '--', unit], signal);
  return stdout.trim() === 'active';
}

async function systemctl(transport: Transport, words: readonly string[], signal: AbortSignal): Promise<void> {
  const { code, stderr } = await transport.run('systemctl', words, signal);
  if (code === 0) return;
  const said = stderr.trim().slice(0, 200);
  throw new SallyportError(
    'HOST_DUTY_FAILED',
    `systemctl ${words.join(' ')}: ${said === '' ? `exit code ${code}` : said}`,
  );
}
