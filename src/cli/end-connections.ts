import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { Cutting } from '../firewalls/worker/cutting.ts';
import type { Actual, Translation } from '../firewalls/driver.ts';
import type { CommandFirewall } from './firewalls.ts';
import type { Terminal } from './terminal.ts';

/** After an apply: ends the connections that it took the right from, where no step of the driver does, and tells what was left. */
export async function endConnections(
  terminal: Terminal,
  { name, ruleset, device: { driver, lock } }: CommandFirewall,
  before: Actual,
  { behaviour }: Translation,
  stop: AbortSignal,
): Promise<void> {
  if (driver.connections === undefined || ruleset.established === 'Keep') return;
  const cutting = new Cutting({
    firewall: name,
    connections: () => driver.connections,
    clock: systemClock,
    log: silentLog,
    mayWrite: () => lock.held(),
    wished: () => ({ ruleset, owners: undefined, version: 0 }),
    told: () => undefined,
    stop,
  });
  cutting.read(before);
  cutting.confirmed({ ruleset, behaviour, owners: undefined });
  await cutting.settled();
  cutting.end();
  if (cutting.waiting === 0) return;
  const why = cutting.note ?? 'they could not be judged now; `run` tries again';
  terminal.err(`warning: ${name}: connections of ${cutting.waiting} senders may go on: ${why}`);
}
