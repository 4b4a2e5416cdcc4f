import process from 'node:process';
import { letYoungGrow } from '../bound-garbage.ts';
import type { ExitCode } from '../exit.ts';
import { findConfiguration } from '../machine-convention.ts';
import type { RunOptions } from '../options.ts';
import type { Terminal } from '../terminal.ts';

/** `sallyport run`: the controller. What only a border needs is never loaded on a firewall machine: its code takes memory there. */
export async function run(terminal: Terminal, options: RunOptions): Promise<ExitCode> {
  const { configuration, config } = findConfiguration(terminal, options, process.env);
  const { machine } = configuration;
  if (machine === undefined) {
    letYoungGrow();
    const { runBorder } = await import('./run-border.ts');
    return runBorder(terminal, configuration, { ...options, config });
  }
  const { runMachine } = await import('./run-machine.ts');
  return runMachine(terminal, { ...configuration, machine }, { ...options, config });
}
