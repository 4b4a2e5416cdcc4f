import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** One figure of a bench; `budget` where docs/design names one, in the same unit. */
export interface Figure {
  readonly bench: string;
  readonly unit: 's' | 'ms' | 'us' | 'ns' | 'KB' | 'MB' | 'ratio' | 'count' | 'per second';
  readonly value: number;
  readonly budget?: number;
  /** Sizes and other circumstances. */
  readonly [circumstance: string]: string | number | undefined;
}

/** Whether small sizes are asked for. */
export const smoke = process.argv.includes('--smoke');

/** Prints a figure as one JSON line, rounded to four significant digits. */
export function print(figure: Figure): void {
  process.stdout.write(`${JSON.stringify({ ...figure, value: Number(figure.value.toPrecision(4)) })}\n`);
}

/** A tick of /proc. */
const TICK_S = 0.01;

/** Seconds of CPU that this process, all its threads, and the programs it ran to their end have used. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  // After the name in brackets: state ppid … utime stime cutime cstime.
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (user + system) / 1e6 + (Number(fields[13]) + Number(fields[14])) * TICK_S;
}

/** How busy the machine is with other things too: it tells what a figure is worth. */
export function load(): { readonly load: number } {
  return { load: Number(loadavg()[0]?.toFixed(1)) };
}

/** The q-quantile (0 to 1) of a sample, by the nearest rank. */
export function quantile(sample: readonly number[], q: number): number {
  const sorted = sample.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** Runs a full garbage collection, so that what is measured next pays for its own garbage alone. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}
