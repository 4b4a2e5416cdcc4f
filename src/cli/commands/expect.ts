import { readFileSync } from 'node:fs';
import process from 'node:process';
import { text as readAll } from 'node:stream/consumers';
import { SallyportError, toSallyportError } from '../../base/error.ts';
import { rulelessOf } from '../../controller/devices/drivers.ts';
import { type ExitCode, exit } from '../exit.ts';
import { rewrapped } from '../connection-text.ts';
import { ExpectationChecker, type Failure, type Outcome } from '../expectation-check.ts';
import { type Expectation, parseExpectations } from '../expectations.ts';
import { flowText } from '../flow-answer.ts';
import type { Asked } from '../flow-question.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import type { DocumentData } from '../output-schemas.ts';
import { printDiagnostics, printResult, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { readWholeWorld } from '../world.ts';

/** Milliseconds of work after which a line says that it goes on. */
const PROGRESS_MS = 1_000;
/** Failing flows that are explained for one expectation; the others are counted. */
const EXPLAINED = 3;

/** An expectation with what came of it, or why nothing could. */
type Checked = Expectation & (Outcome | { readonly error: { readonly code: string; readonly message: string } });

/** `sallyport expect FILE`: policy tests for CI. Each line says that a flow passes or is denied; those that are wrong tell why. */
export async function expect(
  terminal: Terminal,
  options: WorldOptions & OutputOptions,
  file: string,
): Promise<ExitCode> {
  if (file === '-' && options.filename?.includes('-') === true)
    throw usage('- stands for standard input, which holds the expectations or the world, not both');
  const { value: expectations, diagnostics } = parseExpectations(await readExpectations(file), nameOf(file));
  printDiagnostics(terminal, diagnostics);
  if (expectations === undefined)
    throw new SallyportError('EXPECTATION_SYNTAX', `${nameOf(file)} has ${count(diagnostics.length, 'mistake')}`);
  if (expectations.length === 0) throw usage(`${nameOf(file)} holds no expectation`);
  const { world, policies } = await readWholeWorld(terminal, options);
  const ruleless = rulelessOf(world.inventory.borderFirewalls.values());
  const checked = checkAll(terminal, { world, policies: policies(), others: undefined, ruleless }, expectations);
  const failed = checked.filter((one) => !isMet(one)).length;
  const data = { met: checked.length - failed, failed, expectations: checked.map(dataOf) };
  printResult(terminal, options.output, 'Expectations', data, () =>
    [
      ...checked.filter((one) => !isMet(one)).map((one) => failureText(nameOf(file), one)),
      `${count(data.met, 'expectation')} met, ${failed} failed`,
    ].join('\n\n'),
  );
  if (checked.some((one) => 'error' in one)) return exit.wrong;
  return failed === 0 ? exit.done : exit.pending;
}

function checkAll(terminal: Terminal, asked: Asked, expectations: readonly Expectation[]): readonly Checked[] {
  const checker = new ExpectationChecker(asked);
  let told = performance.now();
  return expectations.map((expectation, index): Checked => {
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      terminal.err(`checking: ${index} of ${expectations.length} expectations`);
    }
    try {
      return { ...expectation, ...checker.check(expectation) };
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      return { ...expectation, error: { code, message } };
    }
  });
}

function isMet(one: Checked): boolean {
  return !('error' in one) && one.failed === 0;
}

function dataOf(one: Checked): DocumentData<'Expectations'>['expectations'][number] {
  const { line, text } = one;
  if ('error' in one) return { line, text, met: false, flows: 0, failed: 0, failures: [], error: one.error };
  const { flows, failed, failures } = one;
  return { line, text, met: failed === 0, flows, failed, failures };
}

function failureText(file: string, one: Checked): string {
  const title = `FAILED ${file}:${one.line}: ${one.text}`;
  if ('error' in one) return [title, ...rewrapped(`  ${one.error.message}`)].join('\n');
  const lines = one.failures.slice(0, EXPLAINED).flatMap((failure) => explained(one, failure));
  const rest = one.failed - EXPLAINED;
  if (rest > 0) lines.push(`  and ${count(rest, 'more flow')} of ${one.flows} that it is about`);
  return [title, ...lines].join('\n');
}

function explained({ protocol }: Expectation, { why, answer, ...question }: Failure): readonly string[] {
  return [...rewrapped(`  ${why}`), flowText({ protocol, ...question }, answer, '    ')];
}

async function readExpectations(file: string): Promise<string> {
  if (file === '-') return await readAll(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    throw usage(`the file ${file} cannot be opened (${reason})`);
  }
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
