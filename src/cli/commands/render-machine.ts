import { statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SallyportError } from '../../base/error.ts';
import { frrText } from '../../machine/frr/frr-text.ts';
import { tableText } from '../../machine/table-text.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { MachineWorld } from '../machine-world.ts';
import type { OutputOptions } from '../options.ts';
import { printDiagnostics, printResult, type Terminal } from '../terminal.ts';

/** Of FRR: the oldest of which the file's form is (metal-stack reference, 9.2). */
const FRR_VERSION = 8;

/**
 * The rules of a firewall machine as its controller would write them; into a folder, also its base rules and the configuration of FRR. What is wrong in one object is told and left out, as the
 * controller does, so that is no failure. Where networks or sources are not known its rules would be others, and without its Firewall it writes none: what can be made is
 * shown, and the command fails.
 */
export function renderMachine(
  terminal: Terminal,
  { configuration, machine, assembled, result, base, diagnostics, incomplete }: MachineWorld,
  { output, out = '-' }: OutputOptions & { readonly out?: string },
): ExitCode {
  printDiagnostics(terminal, diagnostics);
  for (const source of assembled.unknown)
    terminal.err(`source ${source} was not asked; give what it holds with --objects`);
  if (incomplete)
    terminal.err(
      assembled.hasFirewall
        ? 'these are not the rules that the machine would have: what they depend on is missing'
        : 'these are not the rules that the machine would have: without its Firewall, which may restrict what policies open, it writes none',
    );
  const text = tableText(result.ruleset);
  const frr = assembled.routing && frrText(assembled.routing, FRR_VERSION);
  if (out !== '-') {
    const { rules, frr: frrFile, base: baseFile } = machine;
    if (!isFolder(out)) write(out, text);
    else {
      write(join(out, basename(assembled.input.firewall.ruleFile ?? rules)), text);
      if (base !== undefined) write(join(out, basename(baseFile)), base);
      if (frr !== undefined) write(join(out, basename(frrFile)), frr);
    }
    return incomplete ? exit.wrong : exit.done;
  }
  const firewalls = [
    { firewall: configuration.name, text: text.trimEnd(), frr: frr?.trimEnd(), refusals: result.diagnostics },
  ];
  printResult(terminal, output, 'Rendering', { firewalls }, () => text.trimEnd());
  return incomplete ? exit.wrong : exit.done;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (thrown) {
    throw new SallyportError('LOCAL_SYSTEM', `${path} cannot be written: ${String(thrown)}`);
  }
}
