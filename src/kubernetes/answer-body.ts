import { pipeline, type Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import type { Clock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
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
export function chunksOf(body: Readable, reading: Reading): AsyncIterable<Uint8Array> {
  const { signal } = reading;
  const stop = (): void => {
    body.destroy(new Error('stopped'));
  };
  body.once('close', () => signal.removeEventListener('abort', stop));
  // A body that nobody reads any more fails without a listener, and that would end the process.
  body.on('error', () => {});
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return read(body, reading);
}

async function* read(body: Readable, { asked, isGzip, clock, signal, silenceMs }: Reading): AsyncGenerator<Uint8Array> {
  const unpacked = isGzip ? gunzip(body) : undefined;
  const stream: Readable = unpacked ?? body;
  let isSilent = false;
  let total = 0;
  try {
    const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    for (;;) {
      const cancel =
        silenceMs === undefined
          ? undefined
          : clock.after(silenceMs, () => {
              isSilent = true;
              stream.destroy(new Error('silent'));
            });
      let next: IteratorResult<Uint8Array>;
      try {
        next = await iterator.next();
      } finally {
        cancel?.();
      }
      if (next.done === true) return;
      total += next.value.length;
      if (unpacked !== undefined && total > FREE_BYTES && total > unpacked.bytesWritten * MOST_EXPANSION)
        throw tooLarge(asked, `unpacks to more than ${MOST_EXPANSION} times its size`);
      yield next.value;
    }
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    if (isSilent) throw unreachable(asked, new Error(`the connection was silent for ${silenceMs} ms`));
    throw thrown instanceof SallyportError ? thrown : unreachable(asked, thrown);
  } finally {
    stream.destroy();
    body.destroy();
  }
}

function gunzip(body: Readable): Gunzip {
  // The end of either ends the other; whoever reads gets the error.
  return pipeline(body, createGunzip({ chunkSize: 256 * 1024 }), () => {});
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
