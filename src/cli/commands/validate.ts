import type { Diagnostic } from '../../base/diagnostic.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { diagnosticLine, printResult, sortDiagnostics, type Terminal } from '../terminal.ts';
import { readConfiguration, readWorld } from '../world.ts';

/** `sallyport validate`: every mistake, and what keeps a firewall from holding all that was asked for. */
export async function validate(terminal: Terminal, options: WorldOptions & OutputOptions): Promise<ExitCode> {
  if (options.filename === undefined && options.config !== undefined) readConfiguration(terminal, options.config);
  const { world, diagnostics } = await readWorld(terminal, options);
  const all: readonly Diagnostic[] = sortDiagnostics([...diagnostics, ...world.findings()]);
  const errors = all.filter((diagnostic) => diagnostic.severity === 'error').length;
  const warnings = all.length - errors;
  printResult(terminal, options.output, 'Validation', { errors, warnings, diagnostics: all }, () =>
    [...all.map(diagnosticLine), `${count(errors, 'error')}, ${count(warnings, 'warning')}`].join('\n'),
  );
  return errors === 0 ? exit.done : exit.wrong;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
