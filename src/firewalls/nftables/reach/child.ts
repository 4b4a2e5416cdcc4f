import { type ChildProcess, spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import { SallyportError } from '../../../base/error.ts';
import type { Outcome, Running, RunOptions } from './transport.ts';

/** What a device prints is not bounded by our trust in it. One JavaScript string holds no more. */
const MAXIMUM_BYTES = 512 * 1024 * 1024 - 1024;
/** After the end of a program its output is complete when nothing more came for so long. */
const SILENCE_MS = 500;
const MAXIMUM_ERROR_BYTES = 64 * 1024;

/** What every child gets, whoever started us: reading must not depend on a language or a path. */
export const childEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
} as const;

export type ChildEnvironment = Readonly<Record<string, string>>;

/** Where what a child prints goes, besides what every transport can do with it. */
export interface ChildOptions extends RunOptions {
  /** An open file, which takes all of it; `stdout` of the outcome is empty then. */
  readonly into?: number;
}

/** Runs a program of this machine to its end, without a shell. See `Transport.run`. */
export function runChild(
  program: string,
  args: readonly string[],
  environment: ChildEnvironment,
  signal: AbortSignal,
  options: ChildOptions = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(program, args, {
      env: environment,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', options.into ?? 'pipe', 'pipe'],
      windowsHide: true,
    });
    const out: Buffer[] = [];
    const lines = options.onLine === undefined ? undefined : new Lines(options.onLine);
    const err: Buffer[] = [];
    let outBytes = 0;
    let errBytes = 0;
    let failure: unknown;
    const stop = (): void => {
      failure ??= signal.reason;
      end(child);
    };
    signal.addEventListener('abort', stop, { once: true });
    child.on('error', (error: NodeJS.ErrnoException) => {
      failure ??= spawnFailure(program, error);
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      outBytes += chunk.length;
      if (lines !== undefined) lines.take(chunk);
      else if (outBytes <= MAXIMUM_BYTES) out.push(chunk);
      else {
        failure ??= new SallyportError('DEVICE_UNREADABLE', `${program} printed more than ${MAXIMUM_BYTES} bytes`);
        end(child);
      }
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      if (errBytes < MAXIMUM_ERROR_BYTES) err.push(chunk);
      errBytes += chunk.length;
    });
    if (child.stdin !== null) {
      // A program that ends before it has read everything breaks the pipe; its exit status tells the story better.
      child.stdin.on('error', () => {});
      child.stdin.end(options.input);
    }
    // What it left behind (the connection that ssh keeps for the next call) may hold the pipes open for ever.
    let silence: NodeJS.Timeout | undefined;
    const listen = (): void => {
      clearTimeout(silence);
      if (child.exitCode !== null || child.signalCode !== null) silence = setTimeout(() => end(child), SILENCE_MS);
    };
    child.on('exit', listen);
    child.stdout?.on('data', listen);
    child.on('close', (code) => {
      clearTimeout(silence);
      signal.removeEventListener('abort', stop);
      lines?.end();
      if (failure !== undefined) reject(failure as Error);
      else
        resolve({
          code: code ?? undefined,
          stdout: Buffer.concat(out).toString('utf8'),
          stderr: Buffer.concat(err).toString('utf8'),
        });
    });
  });
}

/** The lines of a text that arrives in pieces, each without its end; of a last one that is empty nothing is told. */
export class Lines {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #begun = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  take(chunk: Buffer): void {
    const lines = this.#decoder.write(chunk).split('\n');
    lines[0] = `${this.#begun}${lines[0] ?? ''}`;
    this.#begun = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  end(): void {
    this.#begun += this.#decoder.end();
    if (this.#begun !== '') this.#onLine(this.#begun);
    this.#begun = '';
  }
}

/** Starts a program of this machine and leaves it running. See `Transport.start`. */
export function startChild(program: string, args: readonly string[], environment: ChildEnvironment): Running {
  // The kernel kills it when we die, even by SIGKILL: a forgotten `nft monitor` would slow every later change.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
  child.stdin.on('error', () => {});
  const onEnd = (callback: () => void): void => {
    if (child.exitCode !== null || child.signalCode !== null) callback();
    else child.once('error', callback).once('close', callback);
  };
  const ended = new Promise<void>((resolve) => onEnd(resolve));
  return {
    // setpriv and nsenter become the program: the process stays the same.
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    onEnd,
    stop: () => end(child),
  };
}

/** Kills a child and closes our ends of its pipes, which its own children may hold open: then it counts as closed. */
function end(child: ChildProcess): void {
  child.kill('SIGKILL');
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
}

function spawnFailure(program: string, error: NodeJS.ErrnoException): SallyportError {
  if (error.code === 'ENOENT')
    return new SallyportError('PROGRAM_MISSING', `the program "${program}" is not installed here`, { program }, error);
  return new SallyportError('DEVICE_UNREACHABLE', `cannot start "${program}": ${error.message}`, { program }, error);
}
