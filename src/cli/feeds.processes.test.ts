import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Authority } from '../../test/kit/certificates.ts';
import { freePort } from '../../test/kit/free-port.ts';

const main = resolve(import.meta.dirname, 'main.ts');
let folder: string;
let agent: Agent;
let url: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-run-feeds-'));
  mkdirSync(join(folder, 'world'));
  const authority = new Authority(folder);
  const { certificateFile, keyFile } = authority.issue('/CN=feeds', { names: 'IP:127.0.0.1' });
  agent = new Agent({ connect: { ca: authority.certificate } });
  const port = await freePort();
  url = `https://127.0.0.1:${port}/lists/payers.txt`;
  writeFileSync(join(folder, 'token'), 'secret\n');
  writeFileSync(
    join(folder, 'sallyport.yaml'),
    JSON.stringify({
      cluster: 'lab',
      sources: { files: { manifests: './world' } },
      controllers: { border: { source: 'files' } },
      feeds: {
        listen: `127.0.0.1:${port}`,
        tls: { cert: { file: certificateFile }, key: { file: keyFile } },
        consumers: [{ name: 'panos', firewall: 'edge', auth: { bearer: { file: './token' } } }],
      },
    }),
  );
  write('border', [
    own('BorderFirewall', 'edge', { driver: 'feed', address: 'feeds', mode: 'Enforce', workloads: {}, sees: 'Pod' }),
    own('AddressGroup', 'payers', { selector: "app == 'pay'", namespaceSelector: 'all()' }),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } },
  ]);
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await agent.destroy();
  rmSync(folder, { recursive: true });
});

const own = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'sallyport.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
});

const write = (file: string, items: readonly object[]): void =>
  writeFileSync(join(folder, 'world', `${file}.json`), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));

const pods = (...addresses: readonly string[]): void =>
  write(
    'pods',
    addresses.map((ip, at) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'shop', name: `pay-${at}`, labels: { app: 'pay' } },
      spec: { nodeName: 'n1', containers: [] },
      status: { phase: 'Running', podIPs: [{ ip }] },
    })),
  );

function start(): ChildProcess {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', main, 'run', '--config', join(folder, 'sallyport.yaml'), '--log', 'json'],
    { env: { ...process.env, STATE_DIRECTORY: join(folder, 'state') }, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  running.push(child);
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

async function fetched(): Promise<string> {
  try {
    const { statusCode, body } = await request(url, { dispatcher: agent, headers: { authorization: 'Bearer secret' } });
    return `${statusCode} ${await body.text()}`;
  } catch (thrown) {
    return String(thrown);
  }
}

test('a controller gives out the addresses of a group, follows them, and a new one goes on where one was killed', async () => {
  pods('10.0.0.2', '10.0.0.10');
  const first = start();
  await expect.poll(fetched, { timeout: 60_000 }).toBe('200 10.0.0.2\n10.0.0.10\n');
  pods('10.0.0.2', '10.0.0.9');
  await expect.poll(fetched, { timeout: 60_000 }).toBe('200 10.0.0.2\n10.0.0.9\n');
  await end(first, 'SIGKILL');
  expect(await fetched()).toMatch(/ECONNREFUSED/);
  const second = start();
  const seen = new Set<string>();
  await expect
    .poll(
      async () => {
        const now = await fetched();
        seen.add(now.replace(/^.*ECONNREFUSED.*$/, 'down'));
        return now;
      },
      { timeout: 60_000, interval: 20 },
    )
    .toBe('200 10.0.0.2\n10.0.0.9\n');
  // Never an empty list, nor a refusal: firewalls would act on either.
  for (const one of seen) expect(one).toMatch(/^(down$|503 |200 10\.0\.0\.2\n10\.0\.0\.9\n$)/);
  await end(second, 'SIGTERM');
  expect(second.exitCode).toBe(0);
});
