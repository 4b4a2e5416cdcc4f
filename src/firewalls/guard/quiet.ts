/** A time of day, in UTC, in which rules rest; `days` by the first three letters of their English names, absent: every day. */
export interface QuietWindow {
  readonly from: string;
  readonly to: string;
  readonly days?: readonly string[];
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
const DAY_MS = DAY_MINUTES * MINUTE_MS;

/**
 * When the present quiet time ends, in milliseconds since the epoch, or `undefined` outside of every window. A window whose end is
 * not after its start runs into the next day and belongs to the day on which it starts. A window that cannot be read is no window.
 */
export function quietUntil(windows: readonly QuietWindow[], wallMs: number): number | undefined {
  let end: number | undefined;
  const today = Math.floor(wallMs / DAY_MS) * DAY_MS;
  for (const window of windows)
    for (const midnight of [today - DAY_MS, today]) {
      const until = endOf(window, midnight, wallMs);
      if (until !== undefined && (end === undefined || until > end)) end = until;
    }
  return end;
}

/** The end of the window that starts on the given day, if the moment lies in it. */
function endOf(window: QuietWindow, midnight: number, wallMs: number): number | undefined {
  const from = minutesOf(window.from);
  const to = minutesOf(window.to);
  if (from === undefined || to === undefined) return undefined;
  const day = DAYS[new Date(midnight).getUTCDay()];
  if (window.days !== undefined && !window.days.some((name) => name.slice(0, 3).toLowerCase() === day))
    return undefined;
  const start = midnight + from * MINUTE_MS;
  const end = midnight + (to > from ? to : to + DAY_MINUTES) * MINUTE_MS;
  return start <= wallMs && wallMs < end ? end : undefined;
}

function minutesOf(text: string): number | undefined {
  const [, hours, minutes] = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(text) ?? [];
  if (hours === undefined || minutes === undefined) return undefined;
  const total = Number(hours) * 60 + Number(minutes);
  return total <= DAY_MINUTES ? total : undefined;
}

/** Why rules rest at a moment (wall clock), for people. `behind`: firewalls to go first that have not confirmed. */
export function restReasons(
  { quiet, after }: { readonly quiet: readonly QuietWindow[]; readonly after: readonly string[] },
  wall: number,
  behind: () => readonly string[],
): readonly string[] {
  const until = quietUntil(quiet, wall);
  const ahead = after.length === 0 ? [] : behind();
  return [
    ...(until === undefined ? [] : [`quiet time until ${new Date(until).toISOString()}`]),
    ...(ahead.length === 0 ? [] : [`${ahead.join(', ')} come first and have not confirmed`]),
  ];
}
