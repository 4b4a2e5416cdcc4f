import { usage } from './usage.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A time as people write it, in milliseconds since the epoch: a date, a date with a time (UTC unless it says otherwise), or how long ago.
 * @example parseTime('2h', now); parseTime('2026-11-21', now); parseTime('2026-11-21T10:00:00Z', now);
 */
export function parseTime(text: string, now: number): number {
  const ago = /^(\d{1,9})([smhd])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * (UNITS[ago[2] ?? ''] ?? 0);
  if (/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text)) {
    const zoned = /(Z|[+-]\d{2}:\d{2})$/.test(text) || text.length === 10;
    const time = Date.parse(zoned ? text.replace(' ', 'T') : `${text.replace(' ', 'T')}Z`);
    if (!Number.isNaN(time)) return time;
  }
  throw usage('a time is 2026-11-21, 2026-11-21T10:00:00Z, or how long ago: 30s, 10m, 2h, 7d');
}
