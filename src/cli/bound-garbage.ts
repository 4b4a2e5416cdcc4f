import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Per cent of what lives. V8's own choice is up to three times what lives. */
const MOST_GARBAGE = 40;

/**
 * Bounds what V8 lets lie before it collects all of it, from now on, and keeps its young generation as large as it is now, which otherwise grows to
 * 34 MB with the first large table and stays so. A firewall machine has other work for its memory: `bench/machine.bench.ts`, `bench/dns.bench.ts`.
 */
export function boundGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${MOST_GARBAGE}`);
  // Not on the command line, where V8 takes anything below 2 for 2.
  setFlagsFromString('--semi-space-growth-factor=1');
  // The bound is set by a full collection, and the one before was made while the program was loaded.
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}
