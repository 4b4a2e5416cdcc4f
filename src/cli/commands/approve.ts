import { userInfo } from 'node:os';
import { systemClock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import { FolderApprovals, stateFolder } from '../../controller/state-folder.ts';
import { type ExitCode, exit } from '../exit.ts';
import { viewsOf } from '../firewalls.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

interface ApproveOptions extends WorldOptions, OutputOptions {
  readonly plan: string;
}

/** `sallyport approve FIREWALL --plan DIGEST`: leaves a yes for the running controller of this machine. */
export async function approve(terminal: Terminal, options: ApproveOptions, firewall: string): Promise<ExitCode> {
  if (!/^[0-9a-f]{64}$/.test(options.plan))
    throw new SallyportError('USAGE', 'a digest is 64 hexadecimal digits; `sallyport plan` and the log print it');
  const read = await readWholeWorld(terminal, options);
  if (viewsOf(terminal, read, firewall).leftOut) return exit.wrong;
  if (read.cluster === undefined)
    throw new SallyportError('CLUSTER_UNNAMED', 'which cluster the yes is for is not known');
  const folder = stateFolder(read.cluster);
  await new FolderApprovals(folder).put({
    firewall,
    digest: options.plan,
    madeAt: systemClock.wall(),
    by: userInfo().username,
  });
  printResult(
    terminal,
    options.output,
    'Approved',
    { firewall, digest: options.plan },
    () => `yes to plan ${options.plan.slice(0, 12)}… of ${firewall}; it lapses when the plan changes, or after an hour`,
  );
  return exit.done;
}
