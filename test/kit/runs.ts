/**
 * How often a property is tried: `WORLDS` times `times` where that environment variable is set, with as much more time:
 * `WORLDS=100 npx vitest run --project unit src/engine/verdict.property.test.ts`. Where it is not, as in `npm test`: `quick` times, for a property whose
 * worlds cost much. What fails prints its `seed` and `path`: with these as `SEED` and `ROAD`, and `-t` with the name of the test, just that is
 * tried again.
 */
export function tries(
  times: number,
  quick = times,
): { readonly numRuns: number; readonly seed?: number; readonly path?: string } {
  const { SEED, ROAD } = process.env;
  return {
    numRuns: WORLDS === undefined ? quick : times * FACTOR,
    ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    ...(ROAD === undefined ? {} : { path: ROAD }),
  };
}

const { WORLDS } = process.env;
const FACTOR = Number(WORLDS ?? 1);

/** Milliseconds that such a property may take: a busy machine gives it a tenth of its time. */
export const PATIENCE_MS = 300_000 * FACTOR;
