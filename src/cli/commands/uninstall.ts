import { SallyportError } from '../../base/error.ts';
import { carryOut } from '../carry-out.ts';
import { type ExitCode, exit } from '../exit.ts';
import { type CommandFirewall, deviceHere, onDevices, viewsOf } from '../firewalls.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

interface UninstallOptions extends WorldOptions, OutputOptions {
  readonly yes?: boolean;
}

/** `sallyport uninstall FIREWALL`: the plan of leaving; with `--yes`, everything of ours goes, and nothing else. */
export async function uninstall(terminal: Terminal, options: UninstallOptions, name: string): Promise<ExitCode> {
  const read = await readWholeWorld(terminal, options);
  if (read.cluster === undefined)
    throw new SallyportError('CLUSTER_UNNAMED', 'what is ours could not be told from what is not');
  const stop = new AbortController().signal;
  // What was made under another name can be taken away by nobody but whoever says that name.
  const asked = viewsOf(terminal, read, name, options.cluster === undefined ? 'Status' : 'Option');
  const leave = async (firewall: CommandFirewall) => {
    const driver = deviceHere(firewall);
    const stepsNow = async () => driver.leave(await driver.observe(stop), firewall.ruleset);
    const objects = (await stepsNow()).flatMap((step) => step.objects);
    if (options.yes !== true || objects.length === 0) return { objects, done: false };
    if (firewall.view.firewall.mode === 'Observe')
      throw new SallyportError(
        'MODE_OBSERVE',
        `${name} is in mode Observe, which writes nothing; set spec.mode to Approve or Enforce`,
      );
    await carryOut(terminal, firewall, stepsNow, stop);
    return { objects, done: true };
  };
  const { results } = await onDevices(terminal, read, asked, leave, { writes: options.yes === true });
  const [left] = results;
  if (left === undefined) return exit.wrong;
  printResult(terminal, options.output, 'Uninstall', { firewall: name, ...left }, () => {
    if (left.objects.length === 0) return `${name}: nothing of cluster "${read.cluster}" is there.`;
    if (left.done) return `${name}: everything of ours is gone.`;
    const lines = left.objects.map(
      ({ change, kind, name: object, detail }) => `  ${change} ${kind} ${object}${detail === '' ? '' : `: ${detail}`}`,
    );
    return [...lines, `${name}: this would go, and what they dropped would pass. Do it with --yes.`].join('\n');
  });
  return left.objects.length === 0 || left.done ? exit.done : exit.pending;
}
