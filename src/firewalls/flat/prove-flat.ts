import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { deadline } from '../../base/deadline.ts';
import { toSallyportError } from '../../base/error.ts';
import { type ProofQuestion, packQuestion } from '../../plan/flat/proof-data.ts';
import type { Proof } from '../../plan/flat/prove.ts';

export interface ProofLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Default 1024: a proof that needs more is one that nobody would wait for. */
  readonly memoryMb?: number;
}

/**
 * `prove` in a thread of its own, so that a long proof stops nothing. It never throws: an answer that does not come, a thread that dies
 * or a signal that is raised is `NotProved`, like everything else that is not `Equal` with certainty.
 */
export async function proveFlat(question: ProofQuestion, limits: ProofLimits): Promise<Proof> {
  try {
    return await answerOf(workerFile(), packQuestion(question), limits);
  } catch (thrown) {
    return notProved(toSallyportError(thrown).message);
  }
}

/** The answer of the program in `file`; apart from `proveFlat` for the sake of programs that misbehave. */
export async function answerOf(
  file: URL,
  portions: Iterable<unknown>,
  { timeoutMs, signal, memoryMb = 1024 }: ProofLimits,
): Promise<Proof> {
  if (signal.aborted) return notProved('stopped before it began');
  using limit = deadline(signal, timeoutMs, 'DEVICE_UNREACHABLE');
  const fromSources = file.pathname.endsWith('.ts');
  const worker = new Worker(fromSources ? loadingTypeScript(file) : file, {
    eval: fromSources,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
  });
  try {
    let isDone = false;
    const answer = new Promise<Proof>((resolve) => {
      const end = (proof: Proof): void => {
        isDone = true;
        resolve(proof);
      };
      const fail = (reason: string): void => end(notProved(reason));
      worker.once('message', (told: unknown) => end(isProof(told) ? told : notProved('no answer')));
      worker.once('messageerror', (error) => fail(error.message));
      worker.once('error', (error) => fail(toSallyportError(error).message));
      worker.once('exit', (code) => fail(`the proof ended with exit code ${code}`));
      limit.signal.addEventListener('abort', () => fail(abortText(limit.signal.reason)), { once: true });
    });
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

function notProved(reason: string): Proof {
  return { kind: 'NotProved', reason };
}

function abortText(reason: unknown): string {
  return reason instanceof Error ? reason.message : 'stopped';
}

function isProof(answer: unknown): answer is Proof {
  if (typeof answer !== 'object' || answer === null || !('kind' in answer)) return false;
  return answer.kind === 'Equal' || answer.kind === 'Different' || answer.kind === 'NotProved';
}

/** Beside this file in the sources; in the bundle, beside the command, whichever part this file became. */
function workerFile(): URL {
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
