import type { ConnectionEnd } from '../../engine/analysis/connection-ends.ts';
import { connectionsOf } from '../../engine/analysis/connections.ts';
import { connectionLines } from '../connection-text.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

interface ConnectionsOptions extends WorldOptions, OutputOptions {
  readonly from?: string;
  readonly to?: string;
}

/** `sallyport connections`: everything that the policies of the cluster allow, by workload. Exact; it tries no flows. */
export async function connections(terminal: Terminal, options: ConnectionsOptions): Promise<ExitCode> {
  const { policies } = await readWholeWorld(terminal, options);
  const found = connectionsOf(policies()).filter(
    ({ from, to }) => isNamed(from, options.from) && isNamed(to, options.to),
  );
  printResult(terminal, options.output, 'Connections', { connections: found }, () =>
    [
      ...connectionLines(found),
      `${found.length} group${found.length === 1 ? '' : 's'} of connections; -o json lists every name`,
    ].join('\n'),
  );
  return exit.done;
}

function isNamed({ workloads, endpoints, addresses, nets }: ConnectionEnd, text: string | undefined): boolean {
  return (
    text === undefined ||
    [workloads, endpoints, addresses, nets].some((names) => names.some((name) => name.includes(text)))
  );
}
