import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { buildProgram } from './program.ts';

function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

test('a controller that cannot listen everywhere listens nowhere: probes without it would say that it lives', async () => {
  const taken = await listen(0);
  const free = await listen(0);
  const [queries, probes] = [taken, free].map((server) => (server.address() as AddressInfo).port);
  await close(free);
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-run-'));
  const file = join(folder, 'sallyport.yaml');
  await writeFile(
    file,
    `cluster: lab
sources: { static: { manifests: ${folder} } }
controllers: { border: { source: static } }
server: { probes: '127.0.0.1:${probes}', queries: { listen: '127.0.0.1:${queries}' } }
`,
  );
  const said: string[] = [];
  const before = process.listenerCount('SIGTERM');
  try {
    const program = buildProgram({ out: () => undefined, err: (text) => void said.push(text) });
    expect(await program.run(['run', '-c', file])).toBe(1);
    expect(said.join('\n')).toContain('LISTEN_FAILED');
    await close(await listen(probes ?? 0));
    expect(process.listenerCount('SIGTERM')).toBe(before);
  } finally {
    await close(taken);
    await rm(folder, { recursive: true });
  }
});
