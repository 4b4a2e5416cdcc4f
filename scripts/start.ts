/** `npm start`: sets up what is missing, builds, and runs the lab on the example shop. Arguments after `--` go to `sallyport lab`. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { bundle } from './build.ts';
import { howToInstall } from '../lab/programs.ts';
import { setUp } from './setup.ts';

const root = join(import.meta.dirname, '..');
const missing = setUp((line) => process.stderr.write(`${line}\n`));
const given = process.argv.slice(2);
const withPackets = process.platform === 'linux' && !given.includes('--no-packets');
if (withPackets && missing.length > 0) {
  process.stderr.write(`${howToInstall(missing)}\nor see the same story without packets: npm start -- --no-packets\n`);
  process.exit(1);
}
await bundle();
const lab = spawn(
  process.execPath,
  [join(root, 'dist/sallyport.js'), 'lab', '-f', join(root, 'examples/shop'), ...given],
  { stdio: 'inherit' },
);
// The terminal sends Ctrl-C to both; the lab cleans up, and this process waits for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => lab.kill(signal));
lab.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1;
});
