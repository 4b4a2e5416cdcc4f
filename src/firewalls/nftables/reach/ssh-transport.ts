import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { SallyportError } from '../../../base/error.ts';
import { type ChildEnvironment, childEnvironment, runChild, startChild } from './child.ts';
import type { Outcome, Transport } from './transport.ts';

export interface SshTarget {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

export interface SshOptions {
  /** Private folder of this machine, for the control socket. */
  readonly directory: string;
  /** `SSH_AUTH_SOCK`, where there is an agent. */
  readonly agentSocket?: string;
  /** The client; a test puts its own here. */
  readonly program?: string;
}

const remoteEnvironment = Object.entries(childEnvironment).map(([key, value]) => `${key}=${value}`);
const UNTRANSPORTABLE = /\p{Cc}/u;

/**
 * One word for the login shell of the far side, which ssh hands one line. Inside single quotes every POSIX shell (and fish) takes all
 * characters as they are; a quote itself is written outside of them. Control characters, which no command of ours needs, are refused:
 * csh would end the line at one.
 */
export function quoteForShell(word: string): string {
  if (UNTRANSPORTABLE.test(word))
    throw new SallyportError('INTERNAL', 'a control character in an argument for a remote program', { word });
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The one string that ssh passes on: words, each quoted. */
export function remoteLine(words: readonly string[]): string {
  return words.map(quoteForShell).join(' ');
}

/**
 * Receives a text on standard input into a private file and runs the words after it with the path as last one. A connection that
 * breaks half-way leaves a short file, which is refused by its length: nft would commit the first half of a cut text.
 * $1: bytes expected; the rest: program and arguments. A constant; what varies comes as arguments.
 */
const RECEIVE_AND_RUN =
  'umask 077; want=$1; shift; file=$(mktemp) || exit 125; trap \'rm -f "$file"\' EXIT HUP INT TERM; cat >"$file"; ' +
  'have=$(wc -c <"$file"); [ "$have" -eq "$want" ] || { echo "sallyport: text cut short" >&2; exit 125; }; "$@" "$file"';

/**
 * Runs the words after it until its own input ends, which it does when this side goes, however it goes: sshd kills nothing, and a
 * forgotten `nft monitor` would slow every later change. The companion reads a copy of the input, because the shell takes it from
 * programs in the background.
 */
const RUN_WHILE_CONNECTED =
  'exec 3<&0; "$@" 3<&- & child=$!; { cat; kill -KILL "$child"; } <&3 >/dev/null 2>&1 & companion=$!; exec 3<&-; ' +
  'wait "$child"; code=$?; kill "$companion" 2>/dev/null; exit "$code"';

/** Connections are shared for a minute, so that a change costs one round trip; a broken one is noticed after 3 × 5 s. */
const CLIENT_OPTIONS = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'ConnectTimeout=10',
  'ServerAliveInterval=5',
  'ServerAliveCountMax=3',
  'ForwardAgent=no',
  'ForwardX11=no',
  'ClearAllForwardings=yes',
  'PermitLocalCommand=no',
  'ControlMaster=auto',
  'ControlPersist=60',
];

/** A machine reached by the system's ssh client: keys and host keys are the business of its configuration. */
export function sshTransport(target: SshTarget, options: SshOptions): Transport {
  const name = `ssh://${target.user === undefined ? '' : `${target.user}@`}${target.host}${target.port === undefined ? '' : `:${target.port}`}`;
  const program = options.program ?? 'ssh';
  const environment: ChildEnvironment =
    options.agentSocket === undefined ? childEnvironment : { ...childEnvironment, SSH_AUTH_SOCK: options.agentSocket };
  // A socket's path may have 108 bytes: a short hash, not the host.
  const socket = join(options.directory, `s-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`);
  const clientArguments = [
    '-T',
    ...[...CLIENT_OPTIONS, `ControlPath=${socket}`].flatMap((option) => ['-o', option]),
    ...(target.user === undefined ? [] : ['-l', target.user]),
    ...(target.port === undefined ? [] : ['-p', String(target.port)]),
    '--',
    target.host,
  ];
  const commandLine = (words: readonly string[]): readonly string[] => [
    ...clientArguments,
    remoteLine(['env', ...remoteEnvironment, ...words]),
  ];
  const checked = (outcome: Outcome, wanted: string): Outcome => {
    // 255 is ssh's own; no program that we run ends with it.
    if (outcome.code === 255)
      throw new SallyportError('DEVICE_UNREACHABLE', `${name}: ${outcome.stderr.trim() || 'ssh failed'}`);
    if (outcome.code === 125) throw new SallyportError('DEVICE_UNREACHABLE', `${name}: ${outcome.stderr.trim()}`);
    if (outcome.code === 127)
      throw new SallyportError('PROGRAM_MISSING', `the program "${wanted}" is not installed on ${name}`, {
        program: wanted,
      });
    return outcome;
  };
  return {
    name,
    run: async (wanted, args, signal, runOptions) =>
      checked(await runChild(program, commandLine([wanted, ...args]), environment, signal, runOptions), wanted),
    start(wanted, args, input) {
      const watched = input === 'reads input' ? [] : ['sh', '-c', RUN_WHILE_CONNECTED, 'sallyport'];
      return { ...startChild(program, commandLine([...watched, wanted, ...args]), environment), pid: undefined };
    },
    runWithFile: async (wanted, args, parts, signal) => {
      const text = typeof parts === 'string' ? parts : [...parts].join('');
      const words = ['sh', '-c', RECEIVE_AND_RUN, 'sallyport', String(Buffer.byteLength(text)), wanted, ...args];
      return checked(await runChild(program, commandLine(words), environment, signal, { input: text }), wanted);
    },
  };
}
