import { type ExitCode, exit } from '../exit.ts';
import { onDevices, UNASKED, viewsOf } from '../firewalls.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printDiagnostics, printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

interface RenderOptions extends WorldOptions, OutputOptions {
  readonly firewall?: string;
}

/** `sallyport render`: the text that a device would hold, without asking any device. */
export async function render(terminal: Terminal, options: RenderOptions): Promise<ExitCode> {
  const read = await readWholeWorld(terminal, options);
  const asked = viewsOf(terminal, read, options.firewall);
  const { results, incomplete } = await onDevices(terminal, read, asked, ({ name, ruleset, device: { driver } }) => {
    const wanted = driver.translate(ruleset, UNASKED);
    return Promise.resolve({ firewall: name, text: driver.render(wanted).trimEnd(), refusals: wanted.refusals });
  });
  for (const { refusals } of results) printDiagnostics(terminal, refusals);
  printResult(terminal, options.output, 'Rendering', { firewalls: results }, () =>
    results.map(({ text }) => text).join('\n'),
  );
  const refused = results.some(({ refusals }) => refusals.some(({ severity }) => severity === 'error'));
  return incomplete || refused ? exit.wrong : exit.done;
}
