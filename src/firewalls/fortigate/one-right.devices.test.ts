import { afterEach, expect, test } from 'vitest';
import type { Fault } from '../../../simulators/fortigate/index.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { rulesOnBadDays } from '../../../test/kit/bad-day-worlds.ts';
import { PATIENCE_MS } from '../../../test/kit/runs.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { bring, stepsOf } from '../contract/harness.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';
import { RULES } from './contract.fixture.ts';

const any = { percent: 100, atLeast: 1_000, percentPerHour: 100 };
const { before, after } = rulesOnBadDays(['payments', 'blocked']);
const USER = 'keeper';
const WHOLE = { fwgrp: 'read-write', sysgrp: 'read-write' };
const FIREWALL = { policy: 'read-write', address: 'read-write', service: 'read-write', others: 'read-write' };

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

/** A worker that keeps a device by an account of its own, whose rights somebody changes. */
async function keeping() {
  const clock = new FakeClock();
  const simulated = await SimulatedDevice.start({ version: '7.6.3', clock });
  opened.push(simulated);
  const { hand } = simulated.device;
  hand.settings('system/settings', { 'central-nat': 'enable' });
  simulated.addForeignRules();
  const token = hand.addApiUser(USER, WHOLE);
  const credentials = { title: 'a test', read: () => Promise.resolve(new Map([['token', token]])) };
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver: simulated.connect(RULES, { clock, credentials }),
    settings: {
      mode: 'Enforce',
      approve: 'Rules',
      drift: 'Repair',
      guard: { removals: any, gains: any, quiet: [], after: [] },
    },
    clock,
    log: silentLog,
    lock: soleWriter,
  });
  opened.push({ [Symbol.asyncDispose]: () => worker.stop() });
  worker.start();
  const wish = async (ruleset: Ruleset): Promise<void> => {
    worker.desire({ kind: 'ruleset', ruleset });
    await worker.settled();
  };
  const pass = async (ms: number): Promise<void> => {
    for (const end = clock.monotonic() + ms; clock.monotonic() < end; ) {
      clock.advance(Math.min(clock.next() ?? ms, end - clock.monotonic()));
      await worker.settled();
    }
  };
  await wish(before);
  while (worker.confirmed()?.ruleset !== before) await pass(1_000);
  return { simulated, worker, wish, pass };
}

const losing = (part: string, rest: string): object => ({
  fwgrp: 'custom',
  sysgrp: 'read-write',
  'fwgrp-permission': { ...FIREWALL, [part]: rest },
});

test.each<[string, object, RegExp]>([
  ['policies', losing('policy', 'none'), /GET cmdb\/firewall\/(policy|central-snat-map): .* read of .* `fwgrp`/],
  ['addresses', losing('address', 'none'), /GET cmdb\/firewall\/(address6?|addrgrp6?): .* read of .* `fwgrp`/],
  ['services', losing('service', 'none'), /GET cmdb\/firewall\.service\/(custom|group): .* read of .* `fwgrp`/],
  ['pools', losing('others', 'none'), /GET cmdb\/firewall\/ippool6?: .* read of .* `fwgrp`/],
  ['feeds and settings', { fwgrp: 'read-write', sysgrp: 'none' }, /GET \S+\/system\/\S+: .* read of .* `sysgrp`/],
])(
  'who may no longer read %s writes nothing, and says which; given back, it goes on by itself',
  async (_, rights, says) => {
    const { simulated, worker, wish, pass } = await keeping();
    const [held, foreign] = [simulated.ours(), simulated.foreign()];
    simulated.device.hand.setRights(USER, rights);
    const writes = simulated.writes().length;
    await wish(after);
    await pass(60_000);
    expect(simulated.writes().slice(writes)).toEqual([]);
    expect(simulated.ours()).toBe(held);
    const stalled = worker.status().conditions.find(({ type }) => type === 'Stalled');
    expect(stalled).toMatchObject({ reason: 'DEVICE_RIGHTS', message: expect.stringMatching(says) as string });
    const { served } = simulated.device;
    const asked = served.length;
    simulated.device.hand.setRights(USER, WHOLE);
    await pass(600_000);
    expect(worker.confirmed()?.ruleset).toBe(after);
    // What it may know of the room of the whole device too.
    expect(served.slice(asked).filter(({ url }) => url.includes('global-resources')).length).toBeGreaterThan(1);
    expect(await stepsOf(simulated.connect(RULES), after)).toEqual([]);
    expect(simulated.foreign()).toBe(foreign);
  },
  PATIENCE_MS,
);

test.each<[string, object, RegExp]>([
  // Which right a transaction takes is not in the reference.
  [
    'policies',
    losing('policy', 'read'),
    /(POST|PUT|DELETE) cmdb(\/firewall\/|\?action=transaction-start)\S*: .* write/,
  ],
  ['addresses', losing('address', 'read'), /(POST|PUT|DELETE) cmdb\/firewall\/(address|addrgrp)\S*: .* write of/],
  ['services', losing('service', 'read'), /(POST|PUT|DELETE) cmdb\/firewall\.service\/custom\S*: .* write of/],
  [
    'feeds',
    { fwgrp: 'read-write', sysgrp: 'read' },
    /POST monitor\/system\/external-resource\S*: .* write of .* `sysgrp`/,
  ],
])(
  'who may no longer write %s is told so, nothing is half done, and given back, it goes on by itself',
  async (_, rights, says) => {
    const { simulated, worker, wish, pass } = await keeping();
    const foreign = simulated.foreign();
    simulated.device.hand.setRights(USER, rights);
    await wish(after);
    await pass(60_000);
    const stalled = worker.status().conditions.find(({ type }) => type === 'Stalled');
    expect(stalled).toMatchObject({ reason: 'DEVICE_RIGHTS', message: expect.stringMatching(says) as string });
    expect(worker.confirmed()?.ruleset).toBe(before);
    simulated.device.hand.setRights(USER, WHOLE);
    await pass(600_000);
    expect(worker.confirmed()?.ruleset).toBe(after);
    expect(await stepsOf(simulated.connect(RULES), after)).toEqual([]);
    expect(simulated.foreign()).toBe(foreign);
  },
  PATIENCE_MS,
);

test.each<[string, Fault]>([
  ['with a code', { kind: 'database error', error: -14, http: 403 }],
  ['with a status alone', { kind: 'page', status: 403 }],
])('who is told nothing of the room of the whole device, %s, keeps the VDOM all the same', async (_, fault) => {
  const simulated = await SimulatedDevice.start({ version: '7.6.3' });
  opened.push(simulated);
  simulated.device.faults.next(fault, { url: 'global-resources' }, Infinity);
  await bring(simulated.connect(RULES), before);
  expect(await stepsOf(simulated.connect(RULES), before)).toEqual([]);
});
