import { SallyportError } from './error.ts';

/** A child signal with its own deadline. Disposing unlinks it, so a long-lived parent does not collect children. */
export function deadline(parent: AbortSignal, ms: number): { readonly signal: AbortSignal } & Disposable {
  const child = new AbortController();
  const stop = (): void => child.abort(parent.reason);
  const timer = setTimeout(
    () => child.abort(new SallyportError('DEVICE_UNREACHABLE', `no answer within ${ms} ms`)),
    ms,
  );
  if (parent.aborted) stop();
  else parent.addEventListener('abort', stop, { once: true });
  return {
    signal: child.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      parent.removeEventListener('abort', stop);
    },
  };
}
