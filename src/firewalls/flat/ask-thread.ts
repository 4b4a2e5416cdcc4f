import { createRequire } from 'node:module';
import { getAsset, isSea } from 'node:sea';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { deadline } from '../../base/deadline.ts';
import { SallyportError, toSallyportError } from '../../base/error.ts';

export interface ThreadLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Default 1024: what needs more is nothing that anybody would wait for. */
  readonly memoryMb?: number;
}

/**
 * Sends portions to the program in `file`, in a thread of its own, and gives its messages to `take` until that has an answer. Rejects where
 * none comes: no answer in time, a thread that dies, a signal that is raised.
 */
export async function askThread<T>(
  file: URL,
  portions: Iterable<unknown>,
  { timeoutMs, signal, memoryMb = 1024 }: ThreadLimits,
  take: (message: unknown) => T | undefined,
): Promise<T> {
  if (signal.aborted) throw failure('stopped before it began');
  using limit = deadline(signal, timeoutMs, 'DEVICE_UNREACHABLE');
  const fromSources = file.pathname.endsWith('.ts');
  const worker = new Worker(fromSources ? loadingTypeScript(file) : file, {
    eval: fromSources,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
  });
  try {
    let isDone = false;
    const answer = new Promise<T>((resolve, reject) => {
      const fail = (reason: string): void => {
        isDone = true;
        reject(failure(reason));
      };
      worker.on('message', (told: unknown) => {
        try {
          const answered = take(told);
          if (answered === undefined) return;
          isDone = true;
          resolve(answered);
        } catch (thrown) {
          fail(toSallyportError(thrown).message);
        }
      });
      worker.once('messageerror', (error) => fail(error.message));
      worker.once('error', (error) => fail(toSallyportError(error).message));
      worker.once('exit', (code) => fail(`the proof ended with exit code ${code}`));
      limit.signal.addEventListener('abort', () => fail(abortText(limit.signal.reason)), { once: true });
    });
    // Whoever fails before all is sent is heard at the end.
    answer.catch(() => undefined);
    for (const portion of portions) {
      if (isDone) break;
      worker.postMessage(portion);
      // Others may have something to do.
      await setImmediate();
    }
    return await answer;
  } finally {
    await worker.terminate();
  }
}

function failure(reason: string): SallyportError {
  return new SallyportError('FLAT_NOT_PROVED', reason);
}

function abortText(reason: unknown): string {
  return reason instanceof Error ? reason.message : 'stopped';
}

/** What the program of the thread is called in the single executable. */
export const PROOF_ASSET = 'proof-worker.js';

/** The program beside this file in the sources; in the bundle, beside the command, whichever part this file became; in the single executable, inside it. */
export function proofProgram(): URL {
  if (isSea()) return new URL(`data:text/javascript;base64,${Buffer.from(getAsset(PROOF_ASSET)).toString('base64')}`);
  const own = import.meta.url;
  if (own.endsWith('.ts')) return new URL('./proof-worker.ts', own);
  return new URL(own.includes('/parts/') ? '../proof-worker.js' : './proof-worker.js', own);
}

/** A thread starts without the loader of a program that runs from its sources: this program asks for it first. */
function loadingTypeScript(file: URL): string {
  const require = createRequire(import.meta.url);
  // The package's other entry: what `require` would give cannot load modules from within a thread.
  const loader = new URL('index.mjs', pathToFileURL(require.resolve('tsx/esm/api')));
  return `import(${JSON.stringify(loader.href)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(file.href)}); });`;
}
