/** Runs all packet tests, those of firewall machines too (arguments go to vitest), as root or in a user namespace; says why when neither works. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { namespaceWrapper } from '../lab/inside.ts';

const wrapper = namespaceWrapper();
if (wrapper.kind === 'unavailable') {
  process.stderr.write(`packet tests cannot run here: ${wrapper.why}\n`);
  process.exitCode = 1;
} else {
  const root = join(import.meta.dirname, '..');
  const vitest = ['node_modules/.bin/vitest', 'run', '--project', 'packets*', ...process.argv.slice(2)];
  const [program = '', ...args] = [...wrapper.command, ...vitest];
  process.exitCode = spawnSync(program, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
}
