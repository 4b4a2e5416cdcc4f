import { nearlyFull } from '../../firewalls/table-use.ts';
import { printPlan } from '../../plan/print.ts';
import { planData } from '../plan-data.ts';
import { type ExitCode, exit } from '../exit.ts';
import { connectionsText, connectionsUnder, findingsOf, lookAt, namesOf, onDevices, viewsOf } from '../firewalls.ts';
import { writePlanFile } from '../plan-file.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printDiagnostics, printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

interface PlanOptions extends WorldOptions, OutputOptions {
  readonly firewall?: string;
  readonly out?: string;
}

/** `sallyport plan`: what would change on each device. Reads devices, writes nothing to them. */
export async function plan(terminal: Terminal, options: PlanOptions): Promise<ExitCode> {
  const read = await readWholeWorld(terminal, options);
  const signal = new AbortController().signal;
  const asked = viewsOf(terminal, read, options.firewall);
  printDiagnostics(terminal, findingsOf(read, asked));
  const { results, incomplete } = await onDevices(terminal, read, asked, async (firewall) => {
    const look = await lookAt(firewall, signal);
    return { ...look, connections: await connectionsUnder(firewall, look, signal) };
  });
  const plans = results.map((look) => look.plan);
  for (const { capabilities, actual, connections, plan: made, behind } of results) {
    const notReached = [...(actual.unreached ?? []), ...behind.map(({ text }) => text)];
    for (const note of [...capabilities.notes, ...nearlyFull(actual.tables), ...notReached])
      terminal.err(`note: ${made.firewall}: ${note}`);
    for (const line of connectionsText(made.firewall, connections)) terminal.err(line);
  }
  printResult(
    terminal,
    options.output,
    'Plans',
    { plans: results.map(({ plan: made, connections }) => planData(made, connections)) },
    () => plans.map((made) => printPlan(made, { nameOf: namesOf(read) }).trimEnd()).join('\n\n'),
  );
  if (options.out !== undefined) {
    await writePlanFile(
      options.out,
      plans.map(({ firewall, digest }) => ({ firewall, digest })),
    );
    terminal.err(`kept in ${options.out}; sallyport apply --plan ${options.out} does exactly this`);
  }
  if (incomplete) return exit.wrong;
  return plans.every((made) => made.isEmpty) ? exit.done : exit.pending;
}
