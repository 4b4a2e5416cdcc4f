import type { Diagnostic } from '../../base/diagnostic.ts';
import { visibleLine } from '../../base/visible.ts';
import { writtenForNobody } from '../../border/nobody.ts';
import { lint as findingsOf } from '../../engine/analysis/lint.ts';
import { rewrapped } from '../connection-text.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { diagnosticTitle, printResult, sortDiagnostics, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

/** `sallyport lint`: policies and rules that do nothing, contradict each other, or open more than people mean. */
export async function lint(terminal: Terminal, options: WorldOptions & OutputOptions): Promise<ExitCode> {
  const { policies } = await readWholeWorld(terminal, options);
  const engine = policies();
  const aboutPolicies = findingsOf({ engine }).map(({ severity, code, message, object, path }) => {
    const at = engine.inventory.placeOf(object);
    return { severity, code, message, object, path, ...(at === undefined ? {} : { at }) };
  });
  const findings = sortDiagnostics([...aboutPolicies, ...writtenForNobody(engine)]);
  printResult(terminal, options.output, 'Lint', { findings }, () =>
    [...findings.flatMap(findingLines), `${findings.length} finding${findings.length === 1 ? '' : 's'}`].join('\n'),
  );
  return findings.length === 0 ? exit.done : exit.pending;
}

function findingLines(finding: Diagnostic): readonly string[] {
  return [diagnosticTitle(finding), `  ${visibleLine(finding.message)}`].flatMap(rewrapped);
}
