import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Clock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import type { AnswerBody } from './answer.ts';
import { type Asked, unreachable } from './api-errors.ts';

/** Lists shrink to a twentieth; beyond this, it is an attack. Counted from `FREE_BYTES` on, because short repetitive lists shrink more. */
const MOST_EXPANSION = 200;
const FREE_BYTES = 16 * 1024 * 1024;

/** How a body is read. */
export interface Reading {
  readonly asked: Asked;
  readonly isGzip: boolean;
  readonly clock: Clock;
  /** Ends the reading, with its reason. */
  readonly signal: AbortSignal;
  /** The longest time without a byte; `undefined`: somebody else watches. */
  readonly silenceMs: number | undefined;
}

/** A body as it comes, decompressed. Throws `API_UNREACHABLE` when it breaks off or falls silent, and the reason of the signal when that aborts. */
export function chunksOf(body: AnswerBody, reading: Reading): AsyncIterable<Uint8Array> {
  const { signal } = reading;
  const stop = (): void => body.destroy(new Error('stopped'));
  if (signal.aborted) stop();
  else {
    signal.addEventListener('abort', stop, { once: true });
    body.onceClosed(() => signal.removeEventListener('abort', stop));
  }
  return read(body, reading);
}

async function* read(body: AnswerBody, reading: Reading): AsyncGenerator<Uint8Array> {
  const { asked, isGzip, signal } = reading;
  const silence = new Silence(body, reading);
  try {
    if (isGzip) yield* unpacked(body, silence, asked);
    else yield* plain(body, silence);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    if (silence.isTooLong) throw unreachable(asked, new Error(`the connection was silent for ${reading.silenceMs} ms`));
    throw thrown instanceof SallyportError ? thrown : unreachable(asked, thrown);
  } finally {
    body.destroy(new Error('not read any more'));
  }
}

/** Ends a body of which nothing comes for too long while somebody waits for it. */
class Silence {
  isTooLong = false;
  readonly #body: AnswerBody;
  readonly #reading: Reading;

  constructor(body: AnswerBody, reading: Reading) {
    this.#body = body;
    this.#reading = reading;
  }

  /** Waits for more of the body. */
  async more(): Promise<void> {
    const { clock, silenceMs } = this.#reading;
    const cancel =
      silenceMs === undefined
        ? undefined
        : clock.after(silenceMs, () => {
            this.isTooLong = true;
            this.#body.destroy(new Error('silent'));
          });
    try {
      await this.#body.more();
    } finally {
      cancel?.();
    }
  }
}

async function* plain(body: AnswerBody, silence: Silence): AsyncGenerator<Uint8Array> {
  while (!body.isOver) {
    const chunk = body.take();
    if (chunk === undefined) await silence.more();
    else yield chunk;
  }
}

async function* unpacked(body: AnswerBody, silence: Silence, asked: Asked): AsyncGenerator<Uint8Array> {
  // The end of either ends the other; whoever reads gets the error.
  const gunzip = pipeline(plain(body, silence), createGunzip({ chunkSize: 256 * 1024 }), () => {});
  let total = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      total += chunk.length;
      if (total > FREE_BYTES && total > gunzip.bytesWritten * MOST_EXPANSION)
        throw tooLarge(asked, `unpacks to more than ${MOST_EXPANSION} times its size`);
      yield chunk;
    }
  } finally {
    gunzip.destroy();
  }
}

/** The whole body. Throws `API_ANSWER_TOO_LARGE` above the limit. */
export async function wholeBody(chunks: AsyncIterable<Uint8Array>, asked: Asked, limitBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > limitBytes) throw tooLarge(asked, `is larger than ${limitBytes} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

function tooLarge({ title }: Asked, how: string): SallyportError {
  return new SallyportError('API_ANSWER_TOO_LARGE', `${title}: the answer ${how}; it is not read`);
}
