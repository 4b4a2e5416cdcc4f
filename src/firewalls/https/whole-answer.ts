import { setMaxListeners } from 'node:events';
import type { Dispatcher } from 'undici';

/** Whatever a device answered: what its status means is its driver's to say. */
export interface DeviceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/**
 * Sends a request and takes its answer, without the streams that a client would make for it: small questions come by the thousand. Rejects with
 * the reason of the signal, with what broke the connection, or with `tooLong()` as soon as the body is longer than `longest` bytes.
 */
export function wholeAnswer(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  longest: number,
  tooLong: () => Error,
  signal: AbortSignal,
): Promise<DeviceAnswer> {
  return new Promise((resolve, reject) => {
    let connection: Dispatcher.DispatchController | undefined;
    let head: Omit<DeviceAnswer, 'body'> | undefined;
    let length = 0;
    const chunks: Buffer[] = [];
    const unlink = (): void => signal.removeEventListener('abort', stop);
    const fail = (error: Error): void => {
      unlink();
      reject(error);
      connection?.abort(error);
    };
    const stop = (): void => fail(signal.reason as Error);
    if (signal.aborted) return stop();
    // Many are asked side by side, and each listens no longer than that.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', stop, { once: true });
    dispatcher.dispatch(request, {
      onRequestStart: (controller) => {
        connection = controller;
        // It waited for a connection, and nobody waits for it any more: nothing is sent.
        if (signal.aborted) controller.abort(signal.reason as Error);
      },
      onResponseStart: (_, status, headers) => {
        // What comes before an answer is none.
        if (status >= 200) head = { status, headers };
      },
      onResponseData: (_, chunk) => {
        length += chunk.length;
        if (length > longest) fail(tooLong());
        else chunks.push(chunk);
      },
      onResponseEnd: () => {
        unlink();
        if (head === undefined) reject(new Error('an answer ended before it began'));
        else resolve({ ...head, body: Buffer.concat(chunks) });
      },
      onResponseError: (_, error) => {
        unlink();
        reject(error);
      },
    });
  });
}
