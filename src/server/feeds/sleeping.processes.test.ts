import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Authority } from '../../../test/kit/certificates.ts';

/** Longer than the right of `test/kit/feed-copy.ts` lasts. */
const ASLEEP_MS = 3_000;

let folder: string;
let authority: Authority;
let agent: Agent;
let tls: readonly string[];
const running: ChildProcess[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-sleeping-feed-'));
  authority = new Authority(folder);
  const { certificateFile, keyFile } = authority.issue('/CN=feeds', { names: 'IP:127.0.0.1' });
  tls = [certificateFile, keyFile];
  // Whoever connects to a copy that sleeps waits until it wakes up, on a busy machine for long.
  agent = new Agent({ connect: { ca: authority.certificate, timeout: 60_000 }, connections: 4 });
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await agent.destroy();
  rmSync(folder, { recursive: true });
});

interface Copy {
  readonly child: ChildProcess;
  readonly url: string;
}

/** A copy that begins with one address in its list; it has the right to write while `holder` says that it is it. */
async function start(name: string, address: string, holder: () => string, manner: string): Promise<Copy> {
  const child = fork(
    resolve(import.meta.dirname, '../../../test/kit/feed-copy.ts'),
    [join(folder, name), ...tls, address, manner],
    { execArgv: ['--import', 'tsx'] },
  );
  running.push(child);
  // One listener for all: messages that come together are told before whoever awaits the first one goes on.
  const port = await new Promise<number>((found) => {
    child.on('message', (said: { readonly renew?: true; readonly port?: number }) => {
      // One that was killed meanwhile is not told.
      if (said.renew === true) child.send(holder() === name, () => {});
      if (said.port !== undefined) found(said.port);
    });
  });
  return { child, url: `https://127.0.0.1:${port}/lists/payments.txt` };
}

async function fetched({ url }: Copy): Promise<string> {
  const { statusCode, headers, body } = await request(url, {
    dispatcher: agent,
    headers: { authorization: 'Bearer token' },
  });
  const text = await body.text();
  return statusCode === 200 ? `200 ${text}` : `${statusCode} again after ${String(headers['retry-after'])} s`;
}

/** What a connection that was closed gives out. */
function lost(thrown: unknown): '' {
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ECONNRESET') return '';
  throw thrown;
}

/** Every answer of a copy that slept while another one took its firewall over, from the first that it gives. */
async function answersAfterSleep(manner: 'asks' | 'believes'): Promise<ReadonlySet<string>> {
  let holder = `old ${manner}`;
  const old = await start(`old ${manner}`, '10.0.0.1', () => holder, manner);
  await expect.poll(() => fetched(old)).toBe('200 10.0.0.1\n');
  old.child.kill('SIGSTOP');
  // The connections are there already, and what they bring is read first when it wakes up.
  // One that slept beyond the time for which it keeps a connection closes that first, which gives nothing out.
  const asked = Array.from({ length: 4 }, () => fetched(old).catch(lost));
  await sleep(ASLEEP_MS);
  holder = `new ${manner}`;
  const successor = await start(`new ${manner}`, '10.0.0.2', () => holder, 'asks');
  await expect.poll(() => fetched(successor)).toBe('200 10.0.0.2\n');
  old.child.kill('SIGCONT');
  const seen = new Set((await Promise.all(asked)).filter((answer) => answer !== ''));
  for (let count = 0; count < 20; count++) seen.add(await fetched(old));
  return seen;
}

test('a copy that slept while another took over gives out nothing of what it had, from its first answer on', async () => {
  expect(await answersAfterSleep('asks')).toEqual(new Set(['503 again after 30 s']));
}, 180_000);

test('one that does not ask would be noticed', async () => {
  expect(await answersAfterSleep('believes')).toContain('200 10.0.0.1\n');
}, 180_000);
