/** Draws numbers from 0 to below a limit: the same ones in every run (mulberry32). */
export function drawing(): (limit: number) => number {
  let state = 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) % limit;
  };
}
