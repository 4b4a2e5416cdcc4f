import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { freePort } from '../../test/kit/free-port.ts';

test('the controller outlives the reader of its log', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-main-'));
  const put = (name: string): Promise<void> =>
    writeFile(join(folder, `${name}.yaml`), `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${name} }\n`);
  await put('a');
  const port = await freePort();
  const config = join(folder, 'config.txt');
  await writeFile(
    config,
    `cluster: test\nsources: { here: { manifests: . } }\ncontrollers: { border: { source: here } }\nserver: { probes: "127.0.0.1:${port}" }\n`,
  );
  const main = join(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'run', '-c', config]);
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  try {
    await new Promise((resolve) => child.stderr.once('data', resolve));
    child.stderr.destroy();
    child.stdout.destroy();
    const taken = async (): Promise<number> => {
      const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
        (answer) => answer.text(),
        () => '',
      );
      return Number(/sallyport_compute_seconds_count (\d+)/.exec(text)?.[1] ?? 0);
    };
    for (const [at, name] of ['b', 'c', 'd'].entries()) {
      await expect.poll(taken, { timeout: 60_000 }).toBeGreaterThan(at);
      await put(name);
    }
    await expect.poll(taken, { timeout: 60_000 }).toBeGreaterThan(3);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
});
