import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { TokenBucket } from '../base/token-bucket.ts';

const line = z.object({
  firewall: z.string(),
  address: z.string(),
  /** For people. */
  sender: z.string(),
  packets: z.number(),
  /** ISO 8601. */
  from: z.string(),
  to: z.string(),
  before: z.string().optional(),
});

/** What a firewall dropped of one sender before it knew him, as it is kept. */
export type BookedDrops = z.infer<typeof line>;

export interface EarlyDropBookOptions {
  /** The state folder of a cluster. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes of a file before the next one is begun; absent: 1 MiB. Two files are kept. */
  readonly bytes?: number;
}

const BYTES = 1 << 20;
const LINES = { burst: 100, perSecond: 10 };
const MOST_TOLD = 100;
/** The newer one first. */
const FILES = ['early-drops.ndjson', 'early-drops.1.ndjson'] as const;

/** Keeps what was told of early drops, for whoever asks about an address later. A courtesy: what cannot be written is left out. */
export class EarlyDropBook {
  readonly #options: EarlyDropBookOptions;
  readonly #lines: TokenBucket;
  #isBroken = false;

  constructor(options: EarlyDropBookOptions) {
    this.#options = options;
    this.#lines = new TokenBucket(options.clock, LINES.burst, LINES.perSecond);
  }

  append(drops: BookedDrops): void {
    if (this.#lines.take() > 0) return;
    const { folder, log, bytes = BYTES } = this.#options;
    const [newer, older] = FILES.map((name) => join(folder, name)) as [string, string];
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      if ((statSync(newer, { throwIfNoEntry: false })?.size ?? 0) >= bytes) renameSync(newer, older);
      appendFileSync(newer, `${JSON.stringify(drops)}\n`, { mode: 0o600 });
      this.#isBroken = false;
    } catch (thrown) {
      if (!this.#isBroken) log.warn({ folder, error: String(thrown) }, 'early drops are not kept for `whois`');
      this.#isBroken = true;
    }
  }
}

/** What is kept about an address (canonical), oldest first, the last hundred at most; nothing where nothing is or may be read. */
export function bookedDrops(folder: string, address: string): readonly BookedDrops[] {
  // What goes on is told again, with all that came so far.
  const found = new Map<string, BookedDrops>();
  for (const name of FILES.toReversed())
    for (const text of textOf(join(folder, name)).split('\n')) {
      const drops = text.includes(address) ? parsed(text) : undefined;
      if (drops?.address === address) found.set(JSON.stringify([drops.firewall, drops.sender, drops.from]), drops);
    }
  return [...found.values()].slice(-MOST_TOLD);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** `undefined`: a line that was cut off. */
function parsed(text: string): BookedDrops | undefined {
  try {
    return line.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
