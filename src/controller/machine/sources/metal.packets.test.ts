import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { allocatedFirewall } from '../../../../test/kit/allocated-firewall.ts';
import { RunningMachine } from '../../../../test/kit/running-machine.ts';
import { type Firewall, MetalApi } from '../../../../simulators/metal/index.ts';

const out = (port: number) => ({
  protocol: 'tcp',
  ports: [port],
  to: ['198.51.100.0/24'],
  comment: port === 443 ? 'port https' : 'port http',
});
const firewall = (...ports: readonly number[]): Firewall =>
  allocatedFirewall({ firewall_rules: { egress: ports.map(out) } });

let machine: RunningMachine;
let api: MetalApi;
beforeAll(async () => {
  machine = await RunningMachine.open();
});
afterAll(() => machine.close());
beforeEach(async () => {
  api = await MetalApi.start({ secrets: { 'Metal-View': 'secret' }, base: '/metal' });
  machine.configure(`sources:
  metal:
    url: ${api.url}
    hmac: secret
    projectID: p-1
    firewall: { rateLimits: [{ networkID: internet, rate: 5 }] }
controllers: { firewall: { source: metal }, cwnp: { source: metal } }`);
});
afterEach(async () => {
  await machine.reset();
  await api[Symbol.asyncDispose]();
});
const eventually = (port: number, expected: boolean) =>
  expect.poll(() => machine.passes(port), { timeout: 20_000 }).toBe(expected);

test('rules of the allocation are in force, beside what the metal-api cannot hold', async () => {
  api.store.putFirewall(firewall(443));
  const controller = await machine.start();
  await eventually(443, true);
  expect(await machine.passes(80)).toBe(false);
  expect(machine.rules()).toContain('limit rate over 5 mbytes/second');
  expect(machine.rules()).toContain('comment "port https"');
  await expect.poll(() => controller.times.lastRunAgainstSeed).toBeDefined();
  const began = Date.now();
  const standing = () => controller.sourceStandings.map(({ since, ...rest }) => ({ ...rest, isOld: since <= began }));
  await expect.poll(standing).toEqual([{ source: 'metal', kind: 'Metal', isHeard: true, isOld: true }]);
  expect([controller.rulesState, controller.record.loads.changed > 0]).toEqual(['inForce', true]);
});

test('an API that is away, refuses or knows nothing of the machine leaves what was in force, over a restart too', async () => {
  api.store.putFirewall(firewall(443));
  await machine.start();
  await eventually(443, true);
  const good = machine.rules();
  for (const spoil of [
    () => api.failAll({ kind: 'silent' }),
    () => api.failAll({ kind: 'status', status: 200, body: '{}' }),
    () => api.failAll({ kind: 'status', status: 403 }),
    () => {
      api.failAll(undefined);
      api.store.firewalls.clear();
    },
  ]) {
    spoil();
    await machine.stop();
    await machine.boot();
    const controller = await machine.start();
    await expect.poll(() => controller.ready().ready, { timeout: 20_000 }).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect([machine.rules(), await machine.passes(443), await machine.passes(80)]).toEqual([good, true, false]);
    expect(controller.times.lastRunAgainstSeed).toBeUndefined();
    expect(controller.sourceStandings).toMatchObject([{ source: 'metal', kind: 'Metal', isHeard: false }]);
  }
});

test('a machine that is new goes by the rules of its installation until the API answers', async () => {
  api.failAll({ kind: 'broken' });
  await machine.start();
  await expect.poll(() => machine.rulesIfThere(), { timeout: 20_000 }).toContain('limit rate over 5 mbytes/second');
  expect([await machine.passes(443), await machine.passes(80)]).toEqual([false, false]);
  api.failAll(undefined);
  api.store.putFirewall(firewall(80));
  await eventually(80, true);
});
