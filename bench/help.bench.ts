/** `sallyport --help` from the bundle, beside a bare Node: whole processes, the median of alternating runs. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { bundle } from '../scripts/build.ts';
import { print, quantile, smoke } from './figure.ts';

await bundle();
const command = join(import.meta.dirname, '../dist/sallyport.js');
const help: number[] = [];
const bare: number[] = [];
const time = (words: readonly string[]): number => {
  const started = performance.now();
  const run = spawnSync(process.execPath, [...words], { stdio: 'ignore' });
  if (run.status !== 0) throw new Error(`node ${words.join(' ')} failed`);
  return performance.now() - started;
};
for (let round = 0; round < (smoke ? 2 : 15); round++) {
  help.push(time([command, '--help']));
  bare.push(time(['-e', '0']));
}
print({
  bench: 'cli/help',
  unit: 'ms',
  value: quantile(help, 0.5),
  budget: 150,
  bareNode: Math.round(quantile(bare, 0.5)),
});
