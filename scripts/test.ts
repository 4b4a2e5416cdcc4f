/**
 * `npm test`: types, lint, format, unit and packet suites; ends with `N passed, N failed`. A stage that cannot run here says why and
 * counts as failed: a check that did not run has not passed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { namespaceWrapper } from '../lab/inside.ts';
import { howToInstall } from '../lab/programs.ts';
import { setUp } from './setup.ts';

interface Tally {
  passed: number;
  failed: number;
}

const root = join(import.meta.dirname, '..');
const total: Tally = { passed: 0, failed: 0 };

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function run(title: string, command: readonly string[]): boolean {
  const [program = '', ...rest] = command;
  const started = performance.now();
  const result = spawnSync(program, rest, { cwd: root, stdio: 'inherit' });
  const passed = result.status === 0;
  say(`${passed ? 'passed' : 'FAILED'}: ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return passed;
}

function check(title: string, ...command: string[]): void {
  total[run(title, command) ? 'passed' : 'failed'] += 1;
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
}

function suite(title: string, project: string, wrapper: readonly string[] = []): void {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  const report = join(folder, 'report.json');
  try {
    const vitest = [
      'node_modules/.bin/vitest',
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ];
    const passed = run(title, [...wrapper, ...vitest]);
    const counts = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
    const skipped = counts.numPendingTests + counts.numTodoTests;
    if (skipped > 0) say(`FAILED: ${skipped} tests of "${title}" were skipped`);
    total.passed += counts.numPassedTests;
    // A suite that breaks outside its tests still fails.
    total.failed += Math.max(counts.numFailedTests + skipped, passed ? 0 : 1);
  } catch {
    say(`FAILED: ${title} gave no report`);
    total.failed += 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.env['CI'] ??= 'true'; // a missing golden file fails instead of being written

const missing = setUp(say);
check('types', 'node_modules/.bin/tsc', '--noEmit');
check('lint', 'node_modules/.bin/oxlint', '--type-aware', '--deny-warnings', 'src', 'lab', 'bench', 'test', 'scripts');
check('format', 'node_modules/.bin/biome', 'format');
check('build', 'node_modules/.bin/tsx', 'scripts/build.ts');
// By its own name, as somebody who installed the package: through `exports` and the built files.
const useLibrary = `
  import { aggregate } from 'sallyport/ip';
  import { parseSelector } from 'sallyport/selector';
  import { loadWorld } from 'sallyport/engine';
  const works = aggregate(['10.0.0.0/25', '10.0.0.128/25']).join() === '10.0.0.0/24' &&
    parseSelector("a == 'b'").value.matches({ a: 'b' }) && loadWorld([]).endpoints().length === 0;
  process.exit(works ? 0 : 1);`;
check('library', process.execPath, '--input-type=module', '--eval', useLibrary);
check('generated reference', 'node_modules/.bin/tsx', 'scripts/reference.ts', '--check');
suite('unit, property and contract tests', 'unit');
const wrapper = namespaceWrapper();
const why = missing.length > 0 ? howToInstall(missing) : wrapper.kind === 'unavailable' ? wrapper.why : undefined;
if (wrapper.kind === 'available' && why === undefined) suite('packet tests', 'packets', wrapper.command);
else {
  say(`FAILED: packet tests cannot run. ${why ?? ''}`);
  total.failed += 1;
}
say(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
