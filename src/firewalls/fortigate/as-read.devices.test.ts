import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { bring } from '../contract/harness.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';

const signal = new AbortController().signal;

/** Two lists that are pushed. */
function lists(payments: readonly string[], shop: readonly string[]): Ruleset {
  const group = (deviceName: string, addresses: readonly string[]) => {
    const members = BucketMap.from(addresses.map((address) => [address, true as const]));
    const named = { deviceName, resource: `AddressGroup/${deviceName}`, use: 'Allow', members } as const;
    return [deviceName, { id: deviceName, kind: 'AddressGroup', family: 4, ...named }] as const;
  };
  return world({}, [], { groups: new Map([group('payments', payments), group('shop', shop)]) });
}

function follow(simulated: SimulatedDevice) {
  // What was read a moment ago stays so, however slow the machine is.
  const driver = simulated.connect({}, { clock: new FakeClock() });
  const settings = { ...enforce, drift: 'Show' } as const;
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver,
    settings,
    clock: systemClock,
    log: silentLog,
    lock: soleWriter,
  });
  worker.start();
  let version = 0;
  return {
    worker,
    wish: (ruleset: Ruleset): void => {
      worker.desire({ kind: 'ruleset', ruleset, version: ++version });
    },
    confirmed: async (): Promise<void> => {
      await worker.settled();
      expect(worker.status().confirmedVersion).toBe(version);
    },
  };
}

/** The requests since the last time, without those that everybody makes. */
function asked({ device }: SimulatedDevice): readonly string[] {
  return device.served
    .splice(0)
    .map(({ method, url }) => `${method} ${url.replace('/api/v2/', '').replace('vdom=root&', '')}`);
}

test('who joins a list costs the questions that concern this list', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { worker, wish, confirmed } = follow(simulated);
  wish(lists(['10.0.0.1'], ['10.0.1.1']));
  await confirmed();
  asked(simulated);
  wish(lists(['10.0.0.1', '10.0.0.2'], ['10.0.1.1']));
  await confirmed();
  const requests = asked(simulated);
  expect(requests.filter((one) => one.includes('shop'))).toEqual([]);
  expect(requests.filter((one) => one.startsWith('POST'))).toHaveLength(1);
  expect(requests.length).toBeLessThanOrEqual(7);
  await worker.stop();
});

test('a list that a hand touched meanwhile is shown, and not repaired by whoever joins it', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { worker, wish, confirmed } = follow(simulated);
  wish(lists(['10.0.0.1'], ['10.0.1.1']));
  await confirmed();
  simulated.device.hand.emptyVolatile();
  asked(simulated);
  wish(lists(['10.0.0.1', '10.0.0.2'], ['10.0.1.1']));
  await worker.settled();
  expect(worker.status().conditions).toContainEqual(expect.objectContaining({ type: 'Drifted', status: true }));
  expect(asked(simulated).filter((one) => one.startsWith('POST'))).toEqual([]);
  await worker.stop();
});

test.each<readonly [string, (simulated: SimulatedDevice) => unknown]>([
  ['whose it is', ({ device }) => device.hand.set('system/external-resource', 'payments', { comments: '' })],
  ['what is in it', ({ device }) => device.hand.emptyVolatile()],
  [
    'who has which address object',
    ({ device }) => device.hand.create('firewall/address', { name: 'theirs', subnet: '192.0.2.0/24' }),
  ],
])('%s is asked before a list is filled from an earlier reading', async (_what, edit) => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const driver = simulated.connect();
  await bring(driver, lists(['10.0.0.1'], []));
  const wanted = driver.translate(lists(['10.0.0.2'], []), await driver.capabilities(signal));
  const actual = await driver.observe(signal);
  const steps = driver.steps(actual, wanted);
  expect(await driver.isAsRead(actual, steps, signal)).toBe(true);
  edit(simulated);
  expect(await driver.isAsRead(actual, steps, signal)).toBe(false);
});
