import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { ExecPlugin } from './exec-plugin.ts';

const HOUR_MS = 3_600_000;
const { signal } = new AbortController();
let folder: string;
let clock: FakeClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-plugin-'));
  clock = new FakeClock();
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A plugin that prints a token with the number of its run; what that expires at can be changed. */
function plugin(expires: number) {
  const expire = (at: number): void => writeFileSync(join(folder, 'expires'), new Date(at).toISOString());
  expire(expires);
  const apiVersion = 'client.authentication.k8s.io/v1';
  const status = '{\\"token\\": \\"t$n\\", \\"expirationTimestamp\\": \\"$(cat expires)\\"}';
  writeFileSync(
    join(folder, 'plugin'),
    `#!/bin/sh
cd '${folder}'
echo run >> runs
n=$(wc -l < runs)
echo "{\\"apiVersion\\": \\"${apiVersion}\\", \\"kind\\": \\"ExecCredential\\", \\"status\\": ${status}}"
`,
    { mode: 0o755 },
  );
  const exec = { apiVersion, command: './plugin', interactiveMode: 'Never' } as const;
  const made = new ExecPlugin(
    { value: exec, folder },
    { environment: process.env, clock, isInteractive: false, clusterInfo: {} },
  );
  return { token: async () => (await made.make(false, signal)).token, expire };
}
const runs = (): number => readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n').length;

test('is run every five seconds at most where our clock is ahead, by which all that it prints has expired', async () => {
  const { token } = plugin(clock.wall() - HOUR_MS);
  for (let n = 0; n < 3; n++) expect(await token()).toBe('t1');
  clock.advance(5_000);
  for (let n = 0; n < 3; n++) expect(await token()).toBe('t2');
  expect(runs()).toBe(2);
});

test('is run again when what it gave has expired, though the wall clock was set back; once it is set ahead, at once', async () => {
  const { token, expire } = plugin(clock.wall() + 60_000);
  expect(await token()).toBe('t1');
  clock.setWall(-HOUR_MS);
  clock.advance(59_999);
  expect(await token()).toBe('t1');
  expire(clock.wall() + HOUR_MS / 2);
  clock.advance(1);
  for (let n = 0; n < 3; n++) expect(await token()).toBe('t2');
  clock.setWall(HOUR_MS);
  expect(await token()).toBe('t3');
  expect(runs()).toBe(3);
});

test('what expires soon is used to its last moment, and no longer', async () => {
  const { token, expire } = plugin(clock.wall() + 2_000);
  expect(await token()).toBe('t1');
  clock.advance(1_999);
  expect(await token()).toBe('t1');
  expire(clock.wall() + HOUR_MS);
  clock.advance(1);
  expect(await token()).toBe('t2');
  expect(runs()).toBe(2);
});

test.each(['absent', 'false'])(
  'one that is not to be run, or fails, holds nobody up afterwards: %s',
  async (command) => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' } as const;
    const around = { environment: process.env, clock, isInteractive: false, clusterInfo: {} };
    const before = timers();
    await expect(new ExecPlugin({ value: exec, folder }, around).make(false, signal)).rejects.toMatchObject({
      code: 'API_CREDENTIALS',
    });
    expect(timers()).toBe(before);
  },
);
