/**
 * `npm test`: types, lint, format, unit and packet suites; ends with `N passed, N failed`. A stage that cannot run here says why and
 * counts as failed: a check that did not run has not passed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { howToInstall, setUp } from './setup.ts';

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

/** The same line for root and for others, so that a test run that crashes leaves no namespace behind (docs/design/lab.md). */
function packetWrapper(): readonly string[] {
  const inside =
    'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && mount -t proc proc /proc && ip link set lo up && exec "$@"';
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
  return ['unshare', ...user, '--net', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', inside, 'sh'];
}

process.env['CI'] ??= 'true'; // a missing golden file fails instead of being written

const missing = setUp(say);
check('types', 'node_modules/.bin/tsc', '--noEmit');
check('lint', 'node_modules/.bin/oxlint', '--type-aware', '--deny-warnings', 'src', 'lab', 'bench', 'test', 'scripts');
check('format', 'node_modules/.bin/biome', 'format');
check('build', 'node_modules/.bin/tsx', 'scripts/build.ts');
check('generated reference', 'node_modules/.bin/tsx', 'scripts/reference.ts', '--check');
suite('unit, property and contract tests', 'unit');
if (missing.length === 0) suite('packet tests', 'packets', packetWrapper());
else {
  say(`FAILED: packet tests cannot run. ${howToInstall(missing)}`);
  total.failed += 1;
}
say(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
