/**
 * `npm run bench [-- NAME …] [-- --smoke]`: runs the benches of this folder one after the other, each in its own process, and prints their
 * figures, one JSON line each. `--smoke` asks for small sizes: it shows that every bench runs, its figures mean nothing.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const words = process.argv.slice(2);
const smoke = words.includes('--smoke');
const asked = words.filter((word) => !word.startsWith('--'));
const benches = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
  .sort();

const unknown = asked.filter((name) => !benches.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no bench is named ${unknown.join(', ')}; there are ${benches.join(', ')}\n`);
  process.exit(1);
}
for (const name of asked.length > 0 ? asked : benches) {
  process.stderr.write(`bench ${name}\n`);
  const script = join(import.meta.dirname, `${name}.bench.ts`);
  const tsx = join(import.meta.dirname, '../node_modules/.bin/tsx');
  const run = spawnSync(tsx, [script, ...(smoke ? ['--smoke'] : [])], { stdio: 'inherit' });
  if (run.status !== 0) {
    process.stderr.write(`bench ${name} failed\n`);
    process.exitCode = 1;
  }
}
