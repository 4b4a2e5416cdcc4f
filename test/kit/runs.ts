/**
 * How often a property is tried: `few` in the unit suite, `WORLDS` times as often where that environment variable is set, with as much more
 * time: `WORLDS=100 npx vitest run --project unit src/engine/verdict.property.test.ts`.
 */
export function tries(few: number): { readonly numRuns: number } {
  return { numRuns: few * FACTOR };
}

const FACTOR = Number(process.env['WORLDS'] ?? 1);

/** Milliseconds that such a property may take: a busy machine gives it a tenth of its time. */
export const PATIENCE_MS = 300_000 * FACTOR;
