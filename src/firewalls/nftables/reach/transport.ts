import type { Readable, Writable } from 'node:stream';
import { SallyportError } from '../../../base/error.ts';
import { withoutPassword } from '../../../base/without-password.ts';
import { quoteForMessage } from '../../../ip/address.ts';

/** Where the firewall is, as the user wrote it. */
export type DeviceAddress =
  | { readonly kind: 'local' }
  | { readonly kind: 'netns'; readonly name: string }
  | { readonly kind: 'ssh'; readonly host: string; readonly user?: string; readonly port?: number };

const NETNS_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const SSH_ADDRESS =
  /^ssh:\/\/(?:([A-Za-z0-9_][A-Za-z0-9_.-]{0,31})@)?([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::([1-9]\d{0,4}))?\/?$/;

/** `local`, `netns:NAME` or `ssh://[user@]host[:port]`. Rejects what could be taken for an option or a path. */
export function parseDeviceAddress(text: string): DeviceAddress {
  if (text === 'local') return { kind: 'local' };
  if (text.startsWith('netns:')) {
    const name = text.slice('netns:'.length);
    if (NETNS_NAME.test(name)) return { kind: 'netns', name };
  }
  const ssh = SSH_ADDRESS.exec(text);
  const host = ssh?.[2];
  const port = ssh?.[3] === undefined ? undefined : Number(ssh[3]);
  if (host !== undefined && (port === undefined || port <= 65535)) {
    const user = ssh?.[1];
    return {
      kind: 'ssh',
      host: host.startsWith('[') ? host.slice(1, -1) : host,
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port }),
    };
  }
  throw new SallyportError(
    'DEVICE_ADDRESS',
    `${quoteForMessage(withoutPassword(text))} is not the address of an nftables firewall; use "local", "netns:NAME" or "ssh://user@host:port"`,
  );
}

/** How a program ended. `code` is undefined when a signal ended it. */
export interface Outcome {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs until it is told to stop. */
export interface Running {
  /** The program's process where it runs, if that is this machine. */
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the program and its pipes have ended, however they did; never rejects. */
  readonly ended: Promise<void>;
  /** Calls back when `ended` resolves. */
  onEnd(callback: () => void): void;
  /** SIGKILL: nothing that we start has anything to tidy up. */
  stop(): void;
}

export interface RunOptions {
  /** Written to standard input; without it standard input is empty. */
  readonly input?: string;
  /** Takes what the program prints line by line; `stdout` of the outcome is empty then, and a long text is never held whole. */
  readonly onLine?: (line: string) => void;
  /** Beside `onLine`: hears that the program begins to print, where that can be told before it has ended. */
  readonly onPrinting?: () => void;
}

/** Runs programs on a firewall. No shell sees what a caller passes: arguments arrive as they are, one by one. */
export interface Transport {
  /** As in the configuration; for people. */
  readonly name: string;
  /** Runs to its end. Rejects with PROGRAM_MISSING, DEVICE_UNREACHABLE or the signal's reason; a non-zero exit is an outcome. */
  run(program: string, args: readonly string[], signal: AbortSignal, options?: RunOptions): Promise<Outcome>;
  /**
   * The text of a file of `/proc`, read by ourselves: starting a program for it stops the main thread for longer than all else does that happens at
   * rest. Absent where programs run elsewhere, or in another namespace.
   */
  readonly ownFile?: (path: string) => Promise<string>;
  /**
   * Starts and does not wait. `ended` also resolves if it could not be started. It ends when this process does; far away, one that does
   * not read its input is ended by a companion that does.
   */
  start(program: string, args: readonly string[], input: 'reads input' | 'ignores input'): Running;
  /**
   * Runs with the path of a private file that holds `text`, whole or part by part, as last argument; the file is gone when this settles. The
   * program starts only when the whole text has arrived where it runs.
   */
  runWithFile(
    program: string,
    args: readonly string[],
    text: string | Iterable<string>,
    signal: AbortSignal,
  ): Promise<Outcome>;
}
