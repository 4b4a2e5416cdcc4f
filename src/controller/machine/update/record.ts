import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { localFiles } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import { readIfThere, replaceFile } from '../rule-files.ts';

/** Which program it was. */
const programSchema = z.object({ version: z.string(), sha256: z.string() });
const noteSchema = z.object({ type: z.enum(['Normal', 'Warning']), note: z.string() });
const recordSchema = z.object({
  /** A trial was begun; where it stands there at a start, this start is its end. */
  trial: z.object({ from: z.string(), to: programSchema }).optional(),
  /** The last program that was not good; `at`: wall time in milliseconds. */
  refused: programSchema.extend({ reason: z.string(), failures: z.int().min(1), at: z.number() }).optional(),
  /** When a program was put in place last. */
  replacedAt: z.number().optional(),
  /** What the next start tells. */
  notes: z.array(noteSchema).default([]),
});

export type TriedProgram = z.infer<typeof programSchema>;
export type UpdateNote = z.infer<typeof noteSchema>;
export type UpdateState = z.infer<typeof recordSchema>;

/** After the first failure of a program, and the longest that it is left alone. */
const FIRST_REST_MS = 600_000;
const LONGEST_REST_MS = 6 * 3_600_000;

/** What replacing a program has to remember over the end of the process: a file, whole at every moment. */
export class UpdateRecord {
  readonly #path: () => string;
  readonly #log: Log;
  /** Where it was looked for last. */
  #at: string | undefined;

  /** `path`: where it is to be; to another place it is taken along. */
  constructor(path: () => string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** One that cannot be read counts as empty. */
  async read(): Promise<UpdateState> {
    const empty: UpdateState = { notes: [] };
    const path = await this.#place();
    const text = await readIfThere(path);
    if (text === undefined) return empty;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // Said below.
    }
    const read = recordSchema.safeParse(value);
    if (read.success) return read.data;
    this.#log.warn({ file: path }, 'what is remembered of updates cannot be read; it counts as empty');
    return empty;
  }

  async write(state: UpdateState): Promise<void> {
    await keep(await this.#place(), `${JSON.stringify(state)}\n`);
  }

  async #place(): Promise<string> {
    const path = this.#path();
    const before = this.#at === undefined || this.#at === path ? undefined : await readIfThere(this.#at);
    if (before !== undefined) await keep(path, before);
    this.#at = path;
    return path;
  }
}

async function keep(path: string, text: string): Promise<void> {
  await localFiles(mkdir(dirname(path), { recursive: true, mode: 0o700 }));
  await replaceFile(path, text);
}

/** The state after a program was found to be no good. */
export function refusing(state: UpdateState, program: TriedProgram, reason: string, now: number): UpdateState {
  const { trial: _, ...rest } = state;
  const before = state.refused?.sha256 === program.sha256 ? state.refused.failures : 0;
  return { ...rest, refused: { ...program, reason, failures: before + 1, at: now } };
}

/** Whether a program that was no good is left alone for now; each failure doubles the time. */
export function isResting({ refused }: UpdateState, sha256: string, now: number): boolean {
  if (refused?.sha256 !== sha256) return false;
  const rest = Math.min(FIRST_REST_MS * 2 ** (refused.failures - 1), LONGEST_REST_MS);
  // A clock that was set back does not make it longer.
  return now >= refused.at && now < refused.at + rest;
}
