import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localTransport } from '../reach/local-transport.ts';
import type { Transport } from '../reach/transport.ts';
import { Monitor } from './monitor.ts';

const { signal } = new AbortController();
const events = { commit: () => {}, broken: () => {} };
let directory: string;
let local: Transport;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-monitor-'));
  local = localTransport(directory);
});
afterAll(() => rm(directory, { recursive: true }));

test('where we are ourselves it is looked at without running a program', async () => {
  const programs: string[] = [];
  const run: Transport['run'] = (program, ...rest) => {
    programs.push(program);
    return local.run(program, ...rest);
  };
  const monitor = await Monitor.start({ ...local, run }, events, signal);
  expect(await monitor.isWhole(signal)).toBe(true);
  expect(programs).toEqual([]);
  await monitor.stop();
  expect(await monitor.isWhole(signal)).toBe(false);
});

test('of which the kernel says nothing it may have lost something', async () => {
  let isReadable = true;
  const ownFile = (path: string): Promise<string> =>
    isReadable ? (local.ownFile?.(path) ?? Promise.resolve('')) : Promise.reject(new Error('no such file'));
  const monitor = await Monitor.start({ ...local, ownFile }, events, signal);
  isReadable = false;
  expect(await monitor.isWhole(signal)).toBe(false);
  await monitor.stop();
});
