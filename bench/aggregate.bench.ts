/** The minimal cover of a million texts: parse, sort, merge, print. The median of some runs. */
import { aggregate } from '../src/ip/index.ts';
import { print, quantile, smoke } from './figure.ts';

const n = smoke ? 10_000 : 1_000_000;
const rounds = smoke ? 1 : 7;

/** Every number below 2³² once, far from the one before: no order to profit from. */
function scattered(index: number): number {
  return Math.imul(index, 2654435761) >>> 0;
}

function quad(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}/32`;
}

/** As pods of many clusters would have them: a /64 for each, a few hosts in it. */
function groups(value: number): string {
  return `2001:db8:${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}::${(value & 7).toString(16)}/128`;
}

const cases = {
  // Nothing can be joined: as many prefixes come out as went in.
  'ip/aggregate': { budget: 1, texts: Array.from({ length: n }, (_, i) => quad(scattered(i))) },
  // All of the first n addresses: a few prefixes come out.
  'ip/aggregate-dense': { budget: 1, texts: Array.from({ length: n }, (_, i) => quad((i * 7919) % n)) },
  'ip/aggregate-mixed': {
    texts: Array.from({ length: n }, (_, i) => (i % 2 === 0 ? quad(scattered(i)) : groups(scattered(i)))),
  },
};

for (const [bench, { texts, ...rest }] of Object.entries(cases)) {
  const seconds: number[] = [];
  let prefixes = 0;
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    prefixes = aggregate(texts).length;
    seconds.push((performance.now() - started) / 1000);
  }
  print({ bench, unit: 's', value: quantile(seconds, 0.5), ...rest, n, prefixes });
}
