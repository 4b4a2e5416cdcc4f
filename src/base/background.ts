import type { Log } from './log.ts';

/** Runs work that nobody awaits; a failure is logged and goes no further. The only place where a promise may be left alone. */
export function background(name: string, work: Promise<unknown>, log: Log): void {
  work.catch((thrown: unknown) => log.error({ work: name, error: String(thrown) }, 'background work failed'));
}
