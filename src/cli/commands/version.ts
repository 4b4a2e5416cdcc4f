import process from 'node:process';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions } from '../options.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { version } from '../../base/version.ts';

/** `sallyport version` */
export function printVersion(terminal: Terminal, options: OutputOptions): Promise<ExitCode> {
  const data = { version, node: process.versions.node };
  printResult(terminal, options.output, 'Version', data, () => `sallyport ${version} (Node ${process.versions.node})`);
  return Promise.resolve(exit.done);
}
