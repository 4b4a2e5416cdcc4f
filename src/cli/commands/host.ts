import { closest } from '../../base/closest.ts';
import { compareUtf8 } from '../../base/compare.ts';
import { SallyportError } from '../../base/error.ts';
import { visibleLine } from '../../base/visible.ts';
import { policiesOf } from '../../engine/queries.ts';
import { endpointData, policyLines } from '../endpoint-text.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

/** `sallyport host NODE`: the endpoints of one node, and the policies that apply to each, in order. */
export async function host(terminal: Terminal, options: WorldOptions & OutputOptions, node: string): Promise<ExitCode> {
  const { policies } = await readWholeWorld(terminal, options);
  const engine = policies();
  const all = [...engine.endpoints.values()];
  const found = all.filter((endpoint) => endpoint.node === node).map(({ id }) => id);
  const known = new Set([...engine.inventory.nodes.keys(), ...all.map((endpoint) => endpoint.node)]);
  if (!known.has(node)) {
    const near = closest(node, [...known]);
    throw new SallyportError(
      'NOT_FOUND',
      `no node is named "${node}"${near === undefined ? '' : `; did you mean "${near}"?`}`,
    );
  }
  const endpoints = found.sort(compareUtf8).map((id) => ({ ...endpointData(engine, id), ...policiesOf(engine, id) }));
  printResult(terminal, options.output, 'HostPolicies', { node, endpoints }, () =>
    [
      ...endpoints.map((one) => policyLines(one).join('\n')),
      `${endpoints.length} endpoint${endpoints.length === 1 ? '' : 's'} on ${visibleLine(node)}`,
    ].join('\n\n'),
  );
  return exit.done;
}
