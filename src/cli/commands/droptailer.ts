import process from 'node:process';
import { systemClock } from '../../base/clock.ts';
import { jsonLog, textLog } from '../../controller/configuration/logs.ts';
import { DROP_COUNTS_FILE } from '../../controller/machine/droptailer/drop-counts.ts';
import { shipDrops } from '../../controller/machine/droptailer/droptailer.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

interface DroptailerCommandOptions {
  readonly rules: string;
  readonly log?: string;
}

/** `sallyport droptailer`: what today's droptailer-client does, from its unit and environment, until SIGTERM or SIGINT. */
export async function droptailer(terminal: Terminal, options: DroptailerCommandOptions): Promise<ExitCode> {
  const log = options.log === 'json' ? jsonLog('droptailer') : textLog((line) => terminal.err(line), systemClock);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const counts = await shipDrops(
    { environment: process.env, rules: options.rules, journal: 'journalctl', counts: DROP_COUNTS_FILE, log },
    stop.signal,
  );
  log.info(counts, 'stopped');
  return exit.done;
}
