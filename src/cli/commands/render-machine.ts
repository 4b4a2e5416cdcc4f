import { writeFileSync } from 'node:fs';
import { SallyportError } from '../../base/error.ts';
import { tableText } from '../../machine/table-text.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { MachineWorld } from '../machine-world.ts';
import type { OutputOptions } from '../options.ts';
import { printDiagnostics, printResult, type Terminal } from '../terminal.ts';

/**
 * The rules of a firewall machine as its controller would write them. What is wrong in one object is told and left out; the rest is
 * whole, so that is no failure.
 */
export function renderMachine(
  terminal: Terminal,
  { configuration, assembled, result, diagnostics, incomplete }: MachineWorld,
  { output, out = '-' }: OutputOptions & { readonly out?: string },
): ExitCode {
  printDiagnostics(terminal, diagnostics);
  for (const source of assembled.unknown)
    terminal.err(`source ${source} was not asked; give what it holds with --objects`);
  const text = tableText(result.ruleset);
  if (out !== '-') {
    try {
      writeFileSync(out, text);
    } catch (thrown) {
      throw new SallyportError('LOCAL_SYSTEM', `${out} cannot be written: ${String(thrown)}`);
    }
    return incomplete ? exit.wrong : exit.done;
  }
  const firewalls = [{ firewall: configuration.name, text: text.trimEnd(), refusals: result.diagnostics }];
  printResult(terminal, output, 'Rendering', { firewalls }, () => text.trimEnd());
  return incomplete ? exit.wrong : exit.done;
}
