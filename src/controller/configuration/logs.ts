import { pino } from 'pino';
import type { Clock } from '../../base/clock.ts';
import { visibleLine } from '../../base/visible.ts';
import type { Log } from '../../base/log.ts';

/** One JSON object a line on standard output, for machines. */
export function jsonLog(name: string): Log {
  return pino({
    name,
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
  });
}

/** One readable line for each decision: time, level, message, fields. Control characters in fields are shown, not sent to the terminal. */
export function textLog(write: (line: string) => void, clock: Clock): Log {
  const line =
    (level: string) =>
    (fields: object, message: string): void => {
      const words = Object.entries(fields)
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([key, value]) => `${key}=${show(value)}`);
      write([new Date(clock.wall()).toISOString(), level.padEnd(5), message, ...words].join('  '));
    };
  return { debug: () => undefined, info: line('info'), warn: line('warn'), error: line('error') };
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** The same log without what is below a level. */
export function fromLevel(log: Log, level: (typeof LEVELS)[number]): Log {
  const silent = LEVELS.slice(0, LEVELS.indexOf(level));
  const pick = (each: (typeof LEVELS)[number]): Log[typeof each] =>
    silent.includes(each) ? () => undefined : (fields, message) => log[each](fields, message);
  return { debug: pick('debug'), info: pick('info'), warn: pick('warn'), error: pick('error') };
}

function show(value: unknown): string {
  // A list of plain words reads better without JSON's quotes in ours.
  if (Array.isArray(value) && value.length > 0 && value.every(isPlainWord)) return value.join(',');
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return isPlainWord(text) ? text : visibleLine(JSON.stringify(text));
}

function isPlainWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\w./:@+-]+$/.test(value);
}
