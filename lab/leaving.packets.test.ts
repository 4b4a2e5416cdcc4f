import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Namespaces } from './namespaces.ts';
import { PacketProber, type ProbeTarget } from './prober.ts';

const root = join(import.meta.dirname, '..');
const target: ProbeTarget = { transport: 'tcp', source: '10.99.0.1', destination: '10.99.0.2', port: 443 };
const folder = mkdtempSync('/tmp/sallyport-leaving-');
let namespaces: Namespaces;

beforeAll(async () => {
  namespaces = await Namespaces.open();
});

afterAll(async () => {
  await namespaces.close();
  rmSync(folder, { recursive: true });
});

test('who waits for a prober that ends is told', async () => {
  const silent = [process.execPath, '-e', 'process.stdin.once("data", () => process.exit(0))'];
  const prober = new PacketProber(await namespaces.add('gone'), silent, () => Promise.resolve());
  await expect(prober.attempt(target)).rejects.toThrow('the prober of the cluster has ended');
  await expect(prober.until(target, true, 60_000)).rejects.toThrow('the prober of the cluster has ended');
});

test('who waits for a prober that is closed is told', async () => {
  const deaf = [process.execPath, '-e', 'process.stdin.resume()'];
  const prober = new PacketProber(await namespaces.add('closed'), deaf, () => Promise.resolve());
  const opening = prober.open(target);
  prober.close();
  await expect(opening).rejects.toThrow('the prober of the cluster has ended');
});

test.each([[['--no-packets']], [[]]])('Ctrl-C ends the lab in the middle of an act: %j', async (words) => {
  const command = ['--import', 'tsx', 'src/cli/main.ts', 'lab', '-f', 'examples/shop', '--once', ...words];
  // A group of its own, so that the signal reaches everybody in it, as from a terminal.
  const child = spawn(process.execPath, command, {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder }, // the lab puts a /run of its own over ours, and our TMPDIR is there
  });
  let told = '';
  child.stdout.on('data', (text: Buffer) => {
    if (
      !told.includes('2  What passes') &&
      `${told}${text.toString()}`.includes('2  What passes') &&
      child.pid !== undefined
    )
      process.kill(-child.pid, 'SIGINT');
    told += text.toString();
  });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('stopped before the end') as string });
  expect(told).not.toContain('did what they should');
  expect(readdirSync(folder).filter((name) => name.startsWith('sallyport-lab-'))).toEqual([]);
});
