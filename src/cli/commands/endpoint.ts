import { compareUtf8 } from '../../base/compare.ts';
import { SallyportError } from '../../base/error.ts';
import { type AppliedPolicies, type Mention, mentions, policiesOf } from '../../engine/queries.ts';
import { type EndpointData, endpointData, policyLines } from '../endpoint-text.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

interface EndpointAnswer extends EndpointData, AppliedPolicies {
  readonly mentions: readonly Mention[];
}

/** `sallyport endpoint SUBSTRING`: which policies apply to an endpoint, in order, and which rules mention it. */
export async function endpoint(
  terminal: Terminal,
  options: WorldOptions & OutputOptions,
  substring: string,
): Promise<ExitCode> {
  const { policies } = await readWholeWorld(terminal, options);
  const engine = policies();
  const found = [...engine.endpoints.keys()].filter((id) => id.includes(substring)).sort(compareUtf8);
  if (found.length === 0) throw new SallyportError('NOT_FOUND', `no endpoint's name has "${substring}" in it`);
  const endpoints = found.map((id) => ({
    ...endpointData(engine, id),
    ...policiesOf(engine, id),
    mentions: mentions(engine, id),
  }));
  printResult(terminal, options.output, 'EndpointPolicies', { endpoints }, () => endpoints.map(block).join('\n\n'));
  return exit.done;
}

function block(answer: EndpointAnswer): string {
  const lines = [...policyLines(answer)];
  if (answer.mentions.length > 0) lines.push('  mentioned by');
  for (const { policy, direction, rule, side } of answer.mentions)
    lines.push(`    ${policy} ${direction} rule ${rule}, ${side}`);
  return lines.join('\n');
}
