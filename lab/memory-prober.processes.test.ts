import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Alone in its process, as the lab is: where nothing else has timers, two that ask by turns can keep Node among theirs. */
const PROGRAM = `
import { readFile } from 'node:fs/promises';
import { MemoryDevice } from './src/firewalls/memory/device.ts';
import { MemoryProber } from './lab/memory-prober.ts';

let looks = 0;
class SlowDevice extends MemoryDevice {
  read() {
    looks++;
    // Longer than the prober pauses in between.
    const end = performance.now() + 5;
    while (performance.now() < end);
    return super.read();
  }
}
const prober = new MemoryProber(new SlowDevice([]), (address) => address);
const target = { source: '10.0.0.1', destination: '192.0.2.1', transport: 'tcp', port: 443 };
const open = await prober.open(target);
let reads = 0;
let isOver = false;
const reading = (async () => {
  for (; !isOver; reads++) await readFile('package.json');
})();
await prober.until(target, false, 1_000);
const atItsEnd = reads;
isOver = true;
open.close();
await reading;
console.log(JSON.stringify({ looks, reads: atItsEnd }));
`;

test('whoever asks a firewall in memory again and again leaves others their turn', async () => {
  const words = ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: join(import.meta.dirname, '..') });
  const { looks, reads } = JSON.parse(stdout) as { readonly looks: number; readonly reads: number };
  expect(looks).toBeGreaterThan(10);
  // A file takes four turns; a controller that reads manifests would wait for the end of all questions else.
  expect(reads).toBeGreaterThan(3);
});
