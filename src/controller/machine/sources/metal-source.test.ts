import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeClock, turns } from '../../../../test/kit/fake-clock.ts';
import { type Firewall, MetalApi } from '../../../../simulators/metal/index.ts';
import { silentLog } from '../../../base/log.ts';
import type { Secret } from '../../configuration/feeds-configuration.ts';
import { SourceMemory } from './memory.ts';
import { MetalSource } from './metal-source.ts';

const firewall = (rules: number): Firewall => ({
  id: 'm-1',
  allocation: {
    name: 'shop',
    hostname: 'fw-1',
    project: 'p-1',
    networks: [],
    firewall_rules: { egress: Array.from({ length: rules }, (_, n) => ({ ports: [n + 1], to: ['192.0.2.0/24'] })) },
  },
});

let clock: FakeClock;
let api: MetalApi;
let folder: string;
let memory: SourceMemory;
let stop: AbortController;
let ended: Promise<void> | undefined;
let changes: number;
beforeEach(async () => {
  clock = new FakeClock();
  api = await MetalApi.start({ secrets: { 'Metal-View': 'secret' }, wall: () => clock.wall() });
  folder = mkdtempSync(join(tmpdir(), 'sallyport-metal-source-'));
  memory = new SourceMemory(join(folder, 'sources.json'), silentLog);
  stop = new AbortController();
  changes = 0;
});
afterEach(async () => {
  stop.abort();
  await ended;
  await api[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function start(secret: Secret = { text: 'secret' }): MetalSource {
  const source = new MetalSource({
    name: 'metal',
    place: {
      type: 'metal',
      url: api.url,
      auth: { kind: 'Hmac', secret, user: 'Metal-View' },
      project: 'p-1',
      firewall: undefined,
      locate: () => ({}),
    },
    hostname: 'fw-1',
    clock,
    log: silentLog,
    random: () => 0.5,
    memory,
    changed: () => (changes += 1),
  });
  ended = source.run(stop.signal);
  return source;
}

const rulesOf = (source: MetalSource): number =>
  JSON.stringify(source.ask('Metal').objects ?? []).split('"ports"').length - 1;
/** Lets an hour and more pass in steps, each with what follows from it. */
async function until(done: () => boolean, stepMs = 10_000): Promise<void> {
  await vi.waitFor(
    () => {
      if (done()) return;
      clock.advance(stepMs);
      throw new Error('not yet');
    },
    { timeout: 20_000, interval: 5 },
  );
}

/** Lets hours pass in which nothing is awaited. */
async function pass(hours: number): Promise<void> {
  for (let minute = 0; minute < hours * 60; minute++) {
    clock.advance(60_000);
    await pause(1);
  }
}

test('asks once a minute, and tells only what is new', async () => {
  api.store.putFirewall(firewall(1));
  const source = start();
  await until(() => rulesOf(source) === 1);
  const told = changes;
  api.served.splice(0);
  // Nothing else is due: the answer has been taken.
  const sleeps = (): Promise<void> => expect.poll(() => clock.next(), { interval: 1 }).toBe(60_000);
  for (let times = 0; times < 60; times++) {
    await sleeps();
    clock.advance(59_999);
    await turns();
    expect(api.served.length).toBe(times);
    clock.advance(1);
    await expect.poll(() => api.served.length, { interval: 1 }).toBe(times + 1);
  }
  await sleeps();
  expect(changes).toBe(told);
  api.store.putFirewall(firewall(2));
  await until(() => rulesOf(source) === 2);
});

test('an API that is dead for hours is asked with growing pauses, and its last word counts', async () => {
  api.store.putFirewall(firewall(5));
  const source = start();
  await until(() => rulesOf(source) === 5);
  api.failAll({ kind: 'status', status: 503 });
  await until(() => source.ask('Metal').problem?.code === 'METAL_UNREACHABLE');
  await pass(6);
  expect([rulesOf(source), source.ask('Metal').isHeard]).toEqual([5, false]);
  api.failAll(undefined);
  api.store.putFirewall(firewall(6));
  await until(() => rulesOf(source) === 6);
  expect(source.ask('Metal')).toMatchObject({ isHeard: true, problem: undefined });
});

test('an answer that lacks most of the rules counts when it was heard three times', async () => {
  api.store.putFirewall(firewall(8));
  const source = start();
  await until(() => rulesOf(source) === 8);
  api.store.putFirewall(firewall(0));
  api.served.splice(0);
  await until(() => source.ask('Metal').problem !== undefined);
  expect(rulesOf(source)).toBe(8);
  api.store.putFirewall(firewall(8));
  await until(() => source.ask('Metal').problem === undefined);
  api.store.putFirewall(firewall(3));
  api.served.splice(0);
  await until(() => rulesOf(source) === 3);
  expect(api.served.length).toBe(3);
});

test('a secret in a file is read again each time', async () => {
  api.store.putFirewall(firewall(1));
  const file = join(folder, 'hmac');
  const source = start({ file });
  await until(() => source.ask('Metal').problem?.code === 'METAL_REFUSED');
  expect(source.ask('Metal').problem?.message).toContain('cannot be read');
  writeFileSync(file, 'wrong\n');
  await until(() => source.ask('Metal').problem?.message.includes('401') === true);
  writeFileSync(file, 'secret\n');
  await until(() => rulesOf(source) === 1);
});
