import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SallyportError, localFiles } from '../../../base/error.ts';
import { type ChildEnvironment, type ChildOptions, childEnvironment, Lines, runChild, startChild } from './child.ts';
import type { Outcome, RunOptions, Transport } from './transport.ts';

/** What stands before every command line: nothing, or what joins a namespace. */
interface Place {
  readonly name: string;
  readonly prefix: readonly string[];
  /** Refuses with a SallyportError if this says that the place itself is missing. */
  check(outcome: Outcome, program: string): void;
}

/** This machine, its own network namespace. `directory`: private (mode 0700), for temporary files and the home of children. */
export function localTransport(directory: string): Transport {
  return {
    ...transportIn({ name: 'local', prefix: [], check: () => {} }, directory),
    ownFile: (path) => localFiles(readFile(path, 'utf8')),
  };
}

/** A named network namespace of this machine (`ip netns`). */
export function netnsTransport(name: string, directory: string): Transport {
  return transportIn(
    {
      name: `netns:${name}`,
      // nsenter joins the network namespace and nothing else; `ip netns exec` also remounts /sys and takes three times as long.
      prefix: ['nsenter', `--net=/run/netns/${name}`, '--'],
      check(outcome, program) {
        if (!outcome.stderr.startsWith('nsenter: ')) return;
        if (outcome.code === 127)
          throw new SallyportError('PROGRAM_MISSING', `the program "${program}" is not installed here`, { program });
        if (outcome.stderr.includes('Operation not permitted') || outcome.stderr.includes('Permission denied'))
          throw new SallyportError('DEVICE_RIGHTS', `no right to enter the network namespace "${name}"`);
        throw new SallyportError(
          'DEVICE_UNREACHABLE',
          `there is no network namespace "${name}": ${outcome.stderr.trim()}`,
        );
      },
    },
    directory,
  );
}

function transportIn(place: Place, directory: string): Transport {
  // nft -i writes its history to HOME.
  const environment: ChildEnvironment = { ...childEnvironment, HOME: directory };
  const commandLine = (program: string, args: readonly string[]): readonly [string, readonly string[]] => {
    const [first, ...rest] = [...place.prefix, program, ...args];
    return [first ?? program, rest];
  };
  const run: Transport['run'] = async (program, args, signal, options = {}) => {
    const [first, rest] = commandLine(program, args);
    const start = (chosen: ChildOptions): Promise<Outcome> => runChild(first, rest, environment, signal, chosen);
    const outcome = await (options.onLine === undefined
      ? start(options)
      : throughFile(directory, start, options, options.onLine));
    if (outcome.code !== 0) place.check(outcome, program);
    return outcome;
  };
  return {
    name: place.name,
    run,
    start: (program, args) => startChild(...commandLine(program, args), environment),
    async runWithFile(program, args, text, signal) {
      const path = join(directory, `hand-over-${randomBytes(8).toString('hex')}`);
      try {
        await localFiles(writeFile(path, text, { mode: 0o600, flag: 'wx' }));
        return await run(program, [...args, path], signal);
      } finally {
        await rm(path, { force: true });
      }
    },
  };
}

/** So many bytes of what was printed are read at once. */
const PIECE = 1 << 16;
/** How often it is looked whether a program prints, where somebody waits for that. */
const LOOK_MS = 2;

/**
 * Has the lines of what a program prints told when it has ended. nft writes each word by itself: of 20,000 rules that is 400,000 times, and the
 * socket that Node makes for a child holds some three hundred of them, so that both would wake each other thousands of times.
 */
async function throughFile(
  directory: string,
  start: (options: ChildOptions) => Promise<Outcome>,
  options: RunOptions,
  onLine: (line: string) => void,
): Promise<Outcome> {
  const path = join(directory, `printed-${randomBytes(8).toString('hex')}`);
  const file = await localFiles(open(path, 'wx+', 0o600));
  try {
    // It goes with whoever has it open, however they end.
    await localFiles(rm(path));
    const forget = options.onPrinting === undefined ? () => {} : onceWritten(file.fd, options.onPrinting);
    const outcome = await start({ ...options, into: file.fd }).finally(forget);
    const lines = new Lines(onLine);
    const piece = Buffer.allocUnsafe(PIECE);
    for (let place = 0; ; ) {
      const { bytesRead } = await localFiles(file.read(piece, 0, PIECE, place));
      if (bytesRead === 0) break;
      lines.take(piece.subarray(0, bytesRead));
      place += bytesRead;
    }
    lines.end();
    return outcome;
  } finally {
    await file.close();
  }
}

/** Calls back when the file is empty no more; gives back what gives that up. */
function onceWritten(file: number, callback: () => void): () => void {
  const timer = setInterval(() => {
    if (fstatSync(file).size === 0) return;
    clearInterval(timer);
    callback();
  }, LOOK_MS);
  return () => clearInterval(timer);
}
