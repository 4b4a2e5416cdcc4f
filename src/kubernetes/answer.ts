import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** Bytes that wait for whoever reads before the connection is asked to wait too. */
const MOST_WAITING = 256 * 1024;

/** The beginning of an answer; its body comes later. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AnswerBody;
}

/** The body of an answer as it comes, without what a stream does to each chunk: lists of large clusters come in thousands. */
export class AnswerBody {
  readonly #waiting: Uint8Array[] = [];
  #size = 0;
  #isPaused = false;
  #end: 'open' | 'whole' | 'broken' = 'open';
  #error: unknown;
  #controller: Dispatcher.DispatchController | undefined;
  #wake: () => void = () => {};
  #closed: (() => void) | undefined;

  /** The next bytes; `undefined`: none have come. Throws what broke the body, once everything before is taken. */
  take(): Uint8Array | undefined {
    const chunk = this.#waiting.shift();
    if (chunk === undefined) {
      if (this.#end === 'broken') throw this.#error;
      return undefined;
    }
    this.#size -= chunk.length;
    if (this.#isPaused && this.#waiting.length === 0) {
      this.#isPaused = false;
      this.#controller?.resume();
    }
    return chunk;
  }

  /** Whether all of it came and was taken. */
  get isOver(): boolean {
    return this.#end === 'whole' && this.#waiting.length === 0;
  }

  /** Resolves when there is something to take, or nothing more will come. */
  more(): Promise<void> {
    if (this.#waiting.length > 0 || this.#end !== 'open') return Promise.resolve();
    return new Promise((resolve) => (this.#wake = resolve));
  }

  /** Ends it; the connection is closed if there is more to come. What waits is forgotten, and whoever reads gets the error. */
  destroy(error: Error): void {
    if (this.#end === 'open') this.#controller?.abort(error);
    this.#waiting.length = 0;
    this.#finish('broken', error);
  }

  /** Called once, when the body is whole, broken or destroyed. */
  onceClosed(closed: () => void): void {
    if (this.#end === 'open') this.#closed = closed;
    else closed();
  }

  // ---- What the connection tells ----

  begin(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#end === 'broken') controller.abort(this.#error as Error);
  }

  push(chunk: Uint8Array): void {
    if (this.#end !== 'open') return;
    this.#waiting.push(chunk);
    this.#size += chunk.length;
    if (this.#size >= MOST_WAITING && !this.#isPaused) {
      this.#isPaused = true;
      this.#controller?.pause();
    }
    this.#wake();
  }

  whole(): void {
    if (this.#end === 'open') this.#finish('whole', undefined);
  }

  broke(error: unknown): void {
    if (this.#end === 'open') this.#finish('broken', error);
  }

  #finish(end: 'whole' | 'broken', error: unknown): void {
    this.#end = end;
    this.#error = error;
    this.#wake();
    this.#closed?.();
    this.#closed = undefined;
  }
}

/** Sends a request; resolves when its answer begins. Until then the signal ends it, with its reason; afterwards whoever reads the body sees to that. */
export function ask(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  signal: AbortSignal,
): Promise<AnswerHead> {
  const body = new AnswerBody();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      body.destroy(signal.reason as Error);
      reject(signal.reason as Error);
    };
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    const unlink = (): void => signal.removeEventListener('abort', stop);
    dispatcher.dispatch(request, {
      onRequestStart: (controller) => body.begin(controller),
      onResponseStart: (_, status, headers) => {
        // What comes before an answer is none.
        if (status < 200) return;
        unlink();
        resolve({ status, headers, body });
      },
      onResponseData: (_, chunk) => body.push(chunk),
      onResponseEnd: () => body.whole(),
      onResponseError: (_, error) => {
        unlink();
        body.broke(error);
        reject(error);
      },
    });
  });
}
