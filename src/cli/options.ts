import type { ExitCode } from './exit.ts';
import type { Format, Terminal } from './terminal.ts';

/** Where a command's world comes from (docs/reference/cli.md, "World"). */
export interface WorldOptions {
  readonly filename?: readonly string[];
  readonly config?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly cluster?: string;
}

export interface OutputOptions {
  readonly output: Format;
}

/** What a command module exports: it does the work and says how it ended. */
export type Action<Arguments extends readonly string[], Options> = (
  terminal: Terminal,
  options: Options,
  ...given: Arguments
) => Promise<ExitCode>;

/** What `run` is asked for. */
export interface RunOptions {
  /** Absent: where it is by convention. */
  readonly config?: string;
  readonly log: 'text' | 'json';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly firewallName?: string;
  readonly kubeconfig?: string;
  readonly metricsAddr?: string;
  readonly hostsFile: string;
  readonly enableIDS: 'true' | 'false';
  /** Started under the name of today's controller. */
  readonly asToday?: boolean;
}
