import { setMaxListeners } from 'node:events';
import type { Code } from './catalogue.ts';
import { systemClock } from './clock.ts';
import { SallyportError } from './error.ts';

/**
 * A child signal with its own deadline, after which it aborts with an error of the given code. Disposing unlinks it, so a long-lived parent
 * does not collect children (`AbortSignal.any` leaks on Node 20).
 */
export function deadline(parent: AbortSignal, ms: number, code: Code): { readonly signal: AbortSignal } & Disposable {
  const child = new AbortController();
  // Requests that are made side by side listen to one deadline: that is no leak, and nothing to warn of.
  setMaxListeners(0, child.signal);
  const stop = (): void => child.abort(parent.reason);
  const cancel = systemClock.after(ms, () => child.abort(new SallyportError(code, `no answer within ${ms} ms`)));
  if (parent.aborted) stop();
  else parent.addEventListener('abort', stop, { once: true });
  return {
    signal: child.signal,
    [Symbol.dispose]: () => {
      cancel();
      parent.removeEventListener('abort', stop);
    },
  };
}
