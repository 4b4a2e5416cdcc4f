import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Per cent of what lives. V8's own choice is up to three times what lives. */
const MOST_GARBAGE = 40;

/**
 * Bounds what V8 lets lie before it collects all of it, from now on. A firewall machine has other work for its memory: beside 20,000 rules and
 * 10,000 answers a second the process takes half as much (`bench/dns.bench.ts`).
 */
export function boundGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${MOST_GARBAGE}`);
  // The bound is set by a full collection, and the one before was made while the program was loaded.
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}
