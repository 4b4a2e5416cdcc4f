import { type ExitCode, exit } from '../exit.ts';
import { firewallsOf } from '../firewalls.ts';
import type { WorldOptions } from '../program.ts';
import { printDiagnostics, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

interface RenderOptions extends WorldOptions {
  readonly firewall?: string;
}

/** `sallyport render`: the text that a device would hold, without asking any device. */
export async function render(terminal: Terminal, options: RenderOptions): Promise<ExitCode> {
  const read = await readWholeWorld(terminal, options);
  let refused = false;
  for (const firewall of firewallsOf(terminal, read, options.firewall)) {
    const { text, refusals } = firewall.render();
    printDiagnostics(terminal, refusals);
    refused ||= refusals.some((refusal) => refusal.severity === 'error');
    terminal.out(text);
  }
  return refused ? exit.wrong : exit.done;
}
