import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import type { Log } from '../../../base/log.ts';

/** One line of the kernel. */
export interface KernelLine {
  readonly text: string;
  /** Seconds since the epoch. */
  readonly at: number;
}

export interface JournalOptions {
  /** The program that follows the journal: `journalctl`. */
  readonly program: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Today's client begins as many lines back. */
const LINES_BACK = 100;
const AGAIN_MS = 1_000;

/**
 * Calls with each line of the kernel that the journal gets, until the signal aborts. When the journal's program ends it begins anew behind the
 * last line that it gave: none is lost, and none comes twice.
 */
export async function followKernel(
  { program, clock, log }: JournalOptions,
  tell: (line: KernelLine) => void,
  signal: AbortSignal,
): Promise<void> {
  let cursor: string | undefined;
  while (!signal.aborted) {
    const from = cursor === undefined ? [`--lines=${LINES_BACK}`] : [`--after-cursor=${cursor}`, '--lines=all'];
    const child = spawn(program, ['--follow', '--output=json', ...from, 'SYSLOG_IDENTIFIER=kernel'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (data: Buffer) => {
      said = `${said}${data.toString()}`.slice(-300);
    });
    const ended = new Promise<void>((resolve) => {
      child.once('error', (error) => {
        said = error.message;
        resolve();
      });
      child.once('close', () => resolve());
    });
    const stop = (): void => void child.kill();
    signal.addEventListener('abort', stop, { once: true });
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      const entry = readEntry(line);
      if (entry === undefined) return;
      cursor = entry.cursor ?? cursor;
      tell(entry);
    });
    await ended;
    signal.removeEventListener('abort', stop);
    if (signal.aborted) return;
    log.warn({ program, said: said.trim() }, 'the journal ended; it is followed again');
    await elapsed(clock, AGAIN_MS, signal);
  }
}

/** An entry as `journalctl --output=json` prints it. A message that is not text stands there as a list of its bytes. */
export function readEntry(line: string): (KernelLine & { readonly cursor: string | undefined }) | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof entry !== 'object' || entry === null) return undefined;
  const { MESSAGE: message, __REALTIME_TIMESTAMP: at, __CURSOR: cursor } = entry as Readonly<Record<string, unknown>>;
  const text = Array.isArray(message) ? Buffer.from(message as number[]).toString('utf8') : message;
  if (typeof text !== 'string') return undefined;
  return { text, at: Number(at) / 1e6 || 0, cursor: typeof cursor === 'string' ? cursor : undefined };
}
