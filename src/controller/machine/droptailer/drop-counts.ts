import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { SallyportError, localFiles } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import { replaceFile } from '../rule-files.ts';
import { ToldOnce } from '../told-once.ts';
import type { ShipperCounts } from './drop-shipper.ts';

/** Where the droptailer says how it fares. It is a process of its own, and its counts end with it: so does a file under `/run` with the machine. */
export const DROP_COUNTS_FILE = '/run/sallyport/droptailer.json';

/** How often it is written, and looked at. */
const EVERY_MS = 10_000;
/** What is older was left by a process that is gone. */
const STALE_MS = 60_000;
const LONGEST = 4_096;

const count = z.int().min(0);
const form = z.strictObject({
  form: z.literal('sallyport-droptailer/1'),
  /** Milliseconds since the epoch. */
  at: z.int().min(0),
  seen: count,
  shipped: count,
  overflowed: count,
  refused: count,
  waiting: count,
  arrives: z.boolean(),
});

/** How a droptailer fares. */
export interface DropCounts extends ShipperCounts {
  /** The server takes drops, as far as is known; `false`: they wait. */
  readonly arrives: boolean;
}

interface Place {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Writes how drops fare. A disk that takes nothing is told once, and stops nothing. */
export class DropCountsFile {
  readonly #place: Place;
  readonly #counts: () => DropCounts;
  readonly #works: ToldOnce;

  constructor(place: Place, counts: () => DropCounts) {
    this.#place = place;
    this.#counts = counts;
    const sentence = 'how drops fare cannot be written, so that the metrics of this machine do not know';
    this.#works = toldOnce(place, sentence);
  }

  /** Until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    return again(this.#place.clock, () => this.write(signal), signal);
  }

  async write(signal: AbortSignal): Promise<void> {
    const { path, clock } = this.#place;
    const write = async (): Promise<void> => {
      const value: z.infer<typeof form> = { form: 'sallyport-droptailer/1', at: clock.wall(), ...this.#counts() };
      await localFiles(mkdir(dirname(path), { recursive: true, mode: 0o700 }));
      await replaceFile(path, `${JSON.stringify(value)}\n`);
    };
    await this.#works.try(path, write, signal);
  }
}

/** What a droptailer on this machine wrote last. */
export class DropCountsBeside {
  readonly #place: Place;
  readonly #works: ToldOnce;
  #read: { readonly at: number; readonly counts: DropCounts } | undefined;

  constructor(place: Place) {
    this.#place = place;
    this.#works = toldOnce(place, 'what the droptailer wrote of itself cannot be read; its metrics are left out');
  }

  /** `undefined`: none runs here, or none that tells. */
  get counts(): DropCounts | undefined {
    const { clock } = this.#place;
    if (this.#read === undefined || Math.abs(clock.wall() - this.#read.at) > STALE_MS) return undefined;
    return this.#read.counts;
  }

  /** Until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    return again(this.#place.clock, () => this.look(signal), signal);
  }

  async look(signal: AbortSignal): Promise<void> {
    const { path } = this.#place;
    const read = async (): Promise<void> => {
      this.#read = undefined;
      const text = await shortText(path);
      if (text !== undefined) this.#read = parsed(text, path);
    };
    await this.#works.try(path, read, signal);
  }
}

async function again(clock: Clock, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await work();
    await elapsed(clock, EVERY_MS, signal);
  }
}

function toldOnce({ log, path: file }: Place, sentence: string): ToldOnce {
  return new ToldOnce({
    failed: (_, { code, message }) => log.warn({ code, file, problem: message }, sentence),
    mended: () => log.info({ file }, 'mended'),
  });
}

/** As much of a file as one of ours has at most; `undefined`: it is not there. */
async function shortText(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST + 1), 0, LONGEST + 1);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    return localFiles(Promise.reject(thrown instanceof Error ? thrown : new Error(String(thrown))));
  }
}

function parsed(text: string, path: string): { readonly at: number; readonly counts: DropCounts } {
  const refuse = (): never => {
    throw new SallyportError('LOCAL_SYSTEM', `${path} is not what a droptailer of this version writes`);
  };
  if (text.length > LONGEST) return refuse();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse();
  }
  const { data } = form.safeParse(value);
  if (data === undefined) return refuse();
  const { form: _, at, ...counts } = data;
  return { at, counts };
}
