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

test('what the kernel says it dropped was lost', async () => {
  let dropped = '0';
  const ownFile = async (path: string): Promise<string> =>
    ((await local.ownFile?.(path)) ?? '').replaceAll(/ 0( +\d+ *)$/gm, ` ${dropped}$1`);
  const monitor = await Monitor.start({ ...local, ownFile }, events, signal);
  expect(await monitor.isWhole(signal)).toBe(true);
  dropped = '1';
  expect(await monitor.isWhole(signal)).toBe(false);
  await monitor.stop();
});

test('waiting until it listens ends with the signal', async () => {
  const abort = new AbortController();
  let looks = 0;
  const ownFile = (): Promise<string> => {
    looks += 1;
    if (looks === 3) abort.abort(new Error('given up'));
    return Promise.resolve('');
  };
  await expect(Monitor.start({ ...local, ownFile }, events, abort.signal)).rejects.toThrow('given up');
  expect(looks).toBe(3);
});
