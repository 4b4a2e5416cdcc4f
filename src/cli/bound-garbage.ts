import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Per cent of what lives. V8's own choice is up to three times what lives. */
const MOST_GARBAGE = 40;
/**
 * Octets of the young generation that are used between two collections; twice as many are kept. With half of it what is under way lives too long, and five
 * times as many collections take three times as long; with four times as much they take no less, and 8 MB stay (`bench/dns.bench.ts`).
 */
const YOUNG_BYTES = 2 << 20;
/** Of objects that live, until the young generation is as large: about 3 MB. If V8 should not grow it by them, it is left as it is. */
const MOST_ROUNDS = 64;

/**
 * Keeps V8's young generation at 2 MB; it would else grow to 16 MB with the first large thing that is read, and gives nothing back before the program idles. To be
 * called before anything is loaded: V8 takes no bound while it runs, but how much it grows at a time. `letYoungGrow` takes it back.
 */
export function boundYoung(): void {
  const kilobyte = Array.from({ length: 128 }, () => 0);
  let kept: unknown[] = [];
  for (let round = 0; round < MOST_ROUNDS && youngBytes() < YOUNG_BYTES * 0.9; round++)
    for (let n = 0; n < 50; n++) kept.push(kilobyte.slice());
  kept = [];
  // Not on the command line, where V8 takes anything below 2 for 2.
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** As V8 has it by itself. */
export function letYoungGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}

/** Bounds what V8 lets lie before it collects all of it, from now on. A firewall machine has other work for its memory: `bench/machine.bench.ts`, `bench/dns.bench.ts`. */
export function boundGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${MOST_GARBAGE}`);
  // The bound is set by a full collection, and the one before was made while the program was loaded.
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}

/** Octets that fit into the young generation between two collections. */
function youngBytes(): number {
  const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
  return young === undefined ? YOUNG_BYTES : young.space_available_size + young.space_used_size;
}
