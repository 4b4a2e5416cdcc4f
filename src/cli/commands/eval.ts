import { SallyportError } from '../../base/error.ts';
import { endpointsMatching } from '../../engine/queries.ts';
import type { Engine } from '../../engine/engine.ts';
import { parseSelector } from '../../selector/selector.ts';
import { endpointRow, endpointData } from '../endpoint-text.ts';
import { type ExitCode, exit } from '../exit.ts';
import { answerLines, refuseTwoReaders } from '../lines.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { table, printResult, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { readWholeWorld } from '../world.ts';

interface EvalOptions extends WorldOptions, OutputOptions {
  readonly stdin?: boolean;
}

/** `sallyport eval SELECTOR`: the endpoints that a Calico selector selects, inherited labels included. */
export async function evalSelector(terminal: Terminal, options: EvalOptions, selector?: string): Promise<ExitCode> {
  if ((selector === undefined) !== (options.stdin === true)) throw usage('give a selector, or --stdin');
  refuseTwoReaders(options);
  const { policies } = await readWholeWorld(terminal, options);
  const engine = policies();
  if (selector === undefined)
    return answerLines(terminal, (question) => {
      if (typeof question['selector'] !== 'string') throw usage('a line is {"selector": TEXT}');
      return {
        data: { selector: question['selector'], endpoints: select(engine, question['selector']) },
        code: exit.done,
      };
    });
  const found = select(engine, selector);
  const endpoints = found.map((id) => endpointData(engine, id));
  printResult(terminal, options.output, 'SelectedEndpoints', { selector, endpoints }, () =>
    [
      table([['ENDPOINT', 'NODE', 'ADDRESSES'], ...endpoints.map(endpointRow)]),
      `${found.length} endpoint${found.length === 1 ? '' : 's'}`,
    ].join('\n'),
  );
  return exit.done;
}

function select(engine: Engine, text: string): readonly string[] {
  const { value, diagnostics } = parseSelector(text);
  if (value === undefined) {
    const [first] = diagnostics;
    throw new SallyportError(
      'USAGE',
      `the selector, column ${first?.at?.column ?? 1}: ${first?.message ?? 'it cannot be read'}`,
    );
  }
  return endpointsMatching(engine, value);
}
