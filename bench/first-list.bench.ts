/**
 * The first list of a large cluster: our CPU and memory from nothing to the first complete state, for pods of 5.9 KB over loopback, in pages
 * of 500, as protobuf and as JSON, and streamed. The server is the fake in its own process; each form runs in a process of its own, built as
 * the command is. Then watch events: 10,000 a second, and as fast as they go.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';
import { FakeApiServerApart } from '../test/kit/fake-apiserver/apart.ts';
import type { Order } from '../test/kit/fake-apiserver/program.ts';
import { smoke } from './figure.ts';

const pods = smoke ? 1_000 : 100_000;
const forms = ['protobuf', 'json', 'streamed-protobuf', 'streamed-json'];

const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
try {
  const program = join(folder, 'client.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'first-list-client.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
  });
  for (const form of forms) {
    await using server = await FakeApiServerApart.start({ historySize: 1_000_000 });
    await server.order({ order: 'fill', options: { pods, namespaces: 100, apps: 500 } });
    await run(program, [form, server.url, String(pods), ...(smoke ? ['--smoke'] : [])], server);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The client, and for it the orders to the server that it asks for. */
async function run(program: string, words: readonly string[], server: FakeApiServerApart): Promise<void> {
  const client = fork(program, words, { execArgv: [] });
  client.on('message', (order: Order) => {
    void server.order(order).then(() => client.send('done'));
  });
  const code = await new Promise((resolve) => client.once('exit', resolve));
  if (code !== 0) process.exitCode = 1;
}
