/** Runs checks and suites of tests and counts them; ends with `N passed, N failed`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { namespaceWrapper } from '../lab/inside.ts';
import { howToInstall } from '../lab/programs.ts';
import { setUpForPackets } from './setup.ts';

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** A promise of a contract that a driver cannot keep, with the reason in the name of its test. */
const EXEMPT = /\(exempt: .+\)$/s;

const root = join(import.meta.dirname, '..');

/** One run of a script: a check that did not run, or was skipped without a reason in a contract, has not passed. */
export class Suites {
  #passed = 0;
  #failed = 0;
  #missing: readonly string[] | undefined;

  say(this: void, text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** Counts as one. */
  check(title: string, ...command: string[]): void {
    if (this.#run(title, command)) this.#passed += 1;
    else this.#failed += 1;
  }

  /** Counts as one failure. */
  fail(text: string): void {
    this.say(`FAILED: ${text}`);
    this.#failed += 1;
  }

  /** Every test of a vitest project counts. `words` go to vitest; the wrapper is put before it. */
  suite(title: string, project: string, wrapper: readonly string[] = [], words: readonly string[] = []): void {
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
        ...words,
      ];
      const passed = this.#run(title, [...wrapper, ...vitest]);
      const counts = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
      const left = counts.testResults
        .flatMap(({ assertionResults }) => assertionResults)
        .filter(({ status }) => status !== 'passed' && status !== 'failed')
        .map(({ fullName }) => fullName);
      for (const name of left) this.say(`${EXEMPT.test(name) ? 'exempt' : 'FAILED, skipped'}: ${name}`);
      const skipped = left.filter((name) => !EXEMPT.test(name)).length;
      this.#passed += counts.numPassedTests;
      // A suite that breaks outside its tests still fails.
      this.#failed += Math.max(counts.numFailedTests + skipped, passed ? 0 : 1);
    } catch {
      this.fail(`${title} gave no report`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The same for tests that make network namespaces; where they cannot be made that is a failure. */
  packets(title: string, project: string, words: readonly string[] = []): void {
    this.#missing ??= setUpForPackets(this.say);
    const wrapper = namespaceWrapper();
    if (this.#missing.length > 0) this.fail(`${title}: cannot run. ${howToInstall(this.#missing)}`);
    else if (wrapper.kind === 'unavailable') this.fail(`${title}: cannot run. ${wrapper.why}`);
    else this.suite(title, project, wrapper.command, words);
  }

  /** The last line, and the exit code. */
  end(): void {
    this.say(`${this.#passed} passed, ${this.#failed} failed`);
    process.exitCode = this.#failed === 0 ? 0 : 1;
  }

  #run(title: string, command: readonly string[]): boolean {
    const [program = '', ...rest] = command;
    const started = performance.now();
    const result = spawnSync(program, rest, { cwd: root, stdio: 'inherit' });
    const passed = result.status === 0;
    this.say(`${passed ? 'passed' : 'FAILED'}: ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    return passed;
  }
}
