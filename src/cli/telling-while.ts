import { type Clock, systemClock } from '../base/clock.ts';
import type { Terminal } from './terminal.ts';

/** So long may something take without a word, and so long after each word. */
const FIRST_MS = 1_000;
const NEXT_MS = 10_000;

/** Says that something goes on, and for how long, until it is disposed: a device may take minutes for a commit. */
export function tellingWhile(terminal: Pick<Terminal, 'err'>, what: string, clock: Clock = systemClock): Disposable {
  const began = clock.monotonic();
  let cancel = (): void => {};
  const tell = (): void => {
    terminal.err(`${what}: under way for ${Math.round((clock.monotonic() - began) / 1_000)} s`);
    cancel = clock.after(NEXT_MS, tell);
  };
  cancel = clock.after(FIRST_MS, tell);
  return { [Symbol.dispose]: () => cancel() };
}
