/**
 * Writes to an API server at its pace, in a process of its own, so that the writes of a bench are not counted as Sallyport's. Started with
 * `fork`; it is told what to write and answers once all is done.
 */
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type ApiTarget, RawApi } from '../test/kit/raw-api.ts';

export interface Write {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
}

export interface Writing {
  readonly target: ApiTarget;
  readonly perSecond: number;
  /** By the clock of this machine, as `monotonicMs` reads it. */
  readonly startMs: number;
  readonly writes: readonly Write[];
}

/** When each write was sent, by `monotonicMs`; or what went wrong. */
export type Written = { readonly sentMs: readonly number[] } | { readonly error: string };

/** Milliseconds of a clock that all processes of a machine share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function write({ target, perSecond, startMs, writes }: Writing): Promise<Written> {
  const api = new RawApi(target);
  const sentMs: number[] = [];
  const answers: Promise<unknown>[] = [];
  for (const [index, { method, path, body, contentType }] of writes.entries()) {
    const wait = startMs + (index * 1_000) / perSecond - monotonicMs();
    if (wait > 0) await pause(wait);
    sentMs.push(monotonicMs());
    answers.push(api.json(method, path, body, contentType));
  }
  await Promise.all(answers);
  api.close();
  return { sentMs };
}

process.once('message', (writing: Writing) => {
  const say = (written: Written): void => void process.send?.(written, () => process.disconnect());
  write(writing).then(say, (error: unknown) => say({ error: String(error) }));
});
