import { type ExitCode, exit } from '../exit.ts';
import { onDevices, translated, UNASKED, viewsOf } from '../firewalls.ts';
import { printDiagnostics, printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';
import { type MachineOptions, readMachineWorld } from '../machine-world.ts';
import { renderMachine } from './render-machine.ts';

interface RenderOptions extends MachineOptions {
  readonly firewall?: string;
  readonly out?: string;
}

/** `sallyport render`: the text that a device would hold, without asking any device. */
export async function render(terminal: Terminal, options: RenderOptions): Promise<ExitCode> {
  const machine = await readMachineWorld(options);
  if (machine !== undefined && 'result' in machine) return renderMachine(terminal, machine, options);
  if (machine !== undefined) {
    printDiagnostics(terminal, machine.diagnostics);
    return exit.wrong;
  }
  const read = await readWholeWorld(terminal, options);
  const asked = viewsOf(terminal, read, options.firewall);
  const { results, incomplete } = await onDevices(
    terminal,
    read,
    asked,
    async ({ name, ruleset, device: { driver } }) => {
      const wanted = await translated(driver, ruleset, UNASKED, new AbortController().signal);
      return { firewall: name, text: driver.render(wanted).trimEnd(), refusals: wanted.refusals };
    },
  );
  for (const { refusals } of results) printDiagnostics(terminal, refusals);
  printResult(terminal, options.output, 'Rendering', { firewalls: results }, () =>
    results.map(({ text }) => text).join('\n'),
  );
  const refused = results.some(({ refusals }) => refusals.some(({ severity }) => severity === 'error'));
  return incomplete || refused ? exit.wrong : exit.done;
}
