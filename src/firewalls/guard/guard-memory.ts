import { z } from 'zod';

/** So long a count, and a yes, is remembered. */
export const HOUR_MS = 3_600_000;

/** Characters of a text that is believed to be a memory. All annotations of an object together take twice as many. */
const MOST_TEXT = 131_072;
/** Characters of the counts of all lists; who needs more counts as having spent the hour. */
const MOST_COUNTS = 100_000;
/** Lists that are counted by themselves; what the others' owners did within the hour is not known after a restart. */
const MOST_LISTS = 500;
const MOST_YESES = 200;

/** How many owners changed about a moment (milliseconds since the epoch); nobody knows which. */
const counts = z.array(z.tuple([z.int().min(0), z.int().min(1)])).max(90);

const form = z.strictObject({
  version: z.literal(1),
  cluster: z.string(),
  firewall: z.string(),
  /** What the guard let go ahead within an hour, by list; the firewall's own has the empty name. */
  hour: z.array(z.strictObject({ list: z.string(), gained: counts, lost: counts })).max(MOST_LISTS),
  /** Plans that somebody said yes to, by digest, and when. */
  yeses: z.array(z.tuple([z.string().regex(/^[0-9a-f]{64}$/), z.int().min(0)])).max(MOST_YESES),
  /** Until then (milliseconds since the epoch) more may have passed than is told here. */
  unsureUntil: z.int().min(0),
});

/** What must outlive a process, or the right to write going to another copy: small, and nobody's name in it. */
export type GuardMemory = Omit<z.infer<typeof form>, 'version' | 'cluster' | 'firewall'>;

/** One hour's counts of the firewall, or of one of its lists. */
export type HourCounts = GuardMemory['hour'][number];

/** Where a firewall's memory lies. */
export interface MemoryPlace {
  /** What was kept last; `undefined`: nothing ever was. Rejects where something is there that cannot be read whole. */
  load(): Promise<GuardMemory | undefined>;
  /** It outlives this process once this resolves. */
  keep(memory: GuardMemory): Promise<void>;
}

/** A memory that lasts as long as the process: for a device that does so too. */
export const fleetingMemory: MemoryPlace = { load: async () => undefined, keep: async () => undefined };

/** One line. Where there is more than a memory has room for, it says that more may have passed. */
export function writeMemory(memory: GuardMemory, of: { readonly cluster: string; readonly firewall: string }): string {
  const { cluster, firewall } = of;
  const { fits, rest } = divided(memory.hour);
  const latest = Math.max(0, ...rest.flatMap(lastOf));
  const unsureUntil = Math.max(memory.unsureUntil, latest === 0 ? 0 : latest + HOUR_MS);
  const yeses = memory.yeses.slice(-MOST_YESES);
  return `${JSON.stringify({ version: 1, cluster, firewall, hour: fits, yeses, unsureUntil })}\n`;
}

/** Strict: `undefined` where a text is no whole memory of this firewall in a form that this version knows. */
export function readMemory(
  text: string,
  of: { readonly cluster: string; readonly firewall: string },
): GuardMemory | undefined {
  if (text.length > MOST_TEXT || !text.endsWith('\n')) return undefined;
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { data } = form.safeParse(given);
  if (data === undefined || data.cluster !== of.cluster || data.firewall !== of.firewall) return undefined;
  const { hour, yeses, unsureUntil } = data;
  return { hour, yeses, unsureUntil };
}

function divided(hour: GuardMemory['hour']): {
  readonly fits: GuardMemory['hour'];
  readonly rest: GuardMemory['hour'];
} {
  let length = 0;
  const end = hour.findIndex((one, at) => {
    length += JSON.stringify(one).length + 1;
    return at >= MOST_LISTS || length > MOST_COUNTS;
  });
  return end < 0 ? { fits: hour, rest: [] } : { fits: hour.slice(0, end), rest: hour.slice(end) };
}

function lastOf({ gained, lost }: HourCounts): readonly number[] {
  return [...gained, ...lost].map(([at]) => at);
}
