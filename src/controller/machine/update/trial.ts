import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';

/** In the environment of a program on trial: the number of the open file into which it tells how it is. */
export const TRIAL_VARIABLE = 'SALLYPORT_TRIAL';
const TRIAL_FD = 3;
/** How often a program on trial says how it is. */
const BEAT_MS = 1_000;

/** Limits of a trial, in milliseconds. */
export interface TrialTimes {
  /** Until it is well; as long as today's controller gives an update. */
  readonly until: number;
  /** So long it has to be well without a break. */
  readonly settle: number;
  /** Who says nothing for so long hangs. */
  readonly silence: number;
  /** Until it has ended by itself, when it is told to. */
  readonly end: number;
}

export const TRIAL_TIMES: TrialTimes = { until: 300_000, settle: 15_000, silence: 10_000, end: 10_000 };

/** How a program on trial is: its rules are in force, or it runs and they are not. */
export type Beat = 'ready' | 'running';

export type Verdict =
  | { readonly kind: 'good' }
  | { readonly kind: 'bad'; readonly reason: string }
  /** The signal was raised: nothing is known. */
  | { readonly kind: 'stopped' };

export interface TrialOptions {
  readonly file: string;
  readonly words: readonly string[];
  /** What it is called as; absent: its file. */
  readonly name?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What it has to be: `running` where the program before was not ready either. */
  readonly wanted: Beat;
  readonly times: TrialTimes;
  readonly clock: Clock;
}

/**
 * Runs a program in our place, with our words and our environment, and watches how it is. Never rejects. When it resolves the program has
 * ended, whatever came of it: two of them would write over each other.
 */
export async function tryProgram(
  { file, words, name, environment, wanted, times, clock }: TrialOptions,
  signal: AbortSignal,
): Promise<Verdict> {
  const child = spawn(file, words, {
    env: { ...environment, [TRIAL_VARIABLE]: String(TRIAL_FD) },
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    ...(name === undefined ? {} : { argv0: name }),
  });
  let isOver = false;
  let outcome = '';
  const wake = new AbortController();
  const over = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      if (!isOver) outcome = how;
      isOver = true;
      wake.abort();
      resolve();
    };
    child.once('error', (error) => end(`it cannot be started: ${error.message}`));
    child.once('exit', (code, killed) =>
      end(`it ended ${killed === null ? `with exit code ${code}` : `by ${killed}`}`),
    );
  });
  const started = clock.monotonic();
  let heardAt = started;
  /** Since when it has been as it should be. */
  let wellSince: number | undefined;
  const pipe = child.stdio[TRIAL_FD];
  pipe?.on('error', () => undefined);
  pipe?.on('data', (data: Buffer) => {
    heardAt = clock.monotonic();
    const beat = data.toString('utf8').trim().split('\n').at(-1);
    const isWell = beat === 'ready' || (wanted === 'running' && beat === 'running');
    wellSince = isWell ? (wellSince ?? heardAt) : undefined;
  });
  const judge = (): Verdict | undefined => {
    if (isOver) return { kind: 'bad', reason: outcome };
    if (signal.aborted) return { kind: 'stopped' };
    const now = clock.monotonic();
    const isSilent = now - heardAt >= times.silence;
    if (isSilent && wellSince !== undefined) return { kind: 'bad', reason: 'it was well and then hung' };
    if (wellSince !== undefined && now - wellSince >= times.settle) return { kind: 'good' };
    if (now - started < times.until) return undefined;
    return { kind: 'bad', reason: isSilent ? 'it hangs' : 'its rules were not in force in time' };
  };
  const look = Math.max(10, Math.min(200, times.settle / 5));
  let verdict = judge();
  const ringing = (): void => wake.abort();
  signal.addEventListener('abort', ringing, { once: true });
  while (verdict === undefined) {
    await elapsed(clock, look, wake.signal);
    verdict = judge();
  }
  signal.removeEventListener('abort', ringing);
  if (!isOver) {
    child.kill('SIGTERM');
    const patience = new AbortController();
    await Promise.race([over, elapsed(clock, times.end, patience.signal)]);
    patience.abort();
    if (!isOver) child.kill('SIGKILL');
    await over;
  }
  if (pipe instanceof Socket) pipe.destroy();
  return verdict;
}

/**
 * The other end: while this process is on trial it says how it is, and `ended` is called when the one that tries it is gone. Gives back
 * whether it is on trial; takes the word out of the environment, as programs that we start are not.
 */
export function reportTrial(
  environment: Record<string, string | undefined>,
  how: () => Beat,
  ended: () => void,
): { readonly isOn: boolean; readonly stop: () => void } {
  const fd = Number(environment[TRIAL_VARIABLE]);
  delete environment[TRIAL_VARIABLE];
  if (!Number.isInteger(fd) || fd < 3) return { isOn: false, stop: () => undefined };
  const pipe = new Socket({ fd });
  pipe.on('error', () => undefined);
  pipe.once('close', ended);
  pipe.resume();
  const beat = (): void => void pipe.write(`${how()}\n`);
  const timer = setInterval(beat, BEAT_MS);
  beat();
  return {
    isOn: true,
    stop: () => {
      clearInterval(timer);
      pipe.off('close', ended);
      pipe.destroy();
    },
  };
}
