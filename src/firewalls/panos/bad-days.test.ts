import { afterEach, describe, expect, test } from 'vitest';
import type { PanOs, PanOsOptions } from '../../../simulators/panos/index.ts';
import { type Packet, fateOf } from '../../../test/kit/ruleset-oracle.ts';
import { everyPacket } from '../../../test/kit/universe.ts';
import { allowing, crowd, world } from '../../../test/kit/worlds.ts';
import { SallyportError } from '../../base/error.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { bring, stepsOf } from '../contract/harness.ts';
import type { PanosDriver } from './driver.ts';
import { byHand, commitByHand, connectTo, foreignOn, furnish, oursOn, startDevice, writesOn } from './lab.fixture.ts';

const OPTIONS = {
  form: 'Full',
  position: { before: 'rest' },
  securityProfile: 'none',
  log: 'None',
  zones: { from: ['k8s'], to: ['internet'] },
};
const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

async function border(options: PanOsOptions = {}): Promise<PanOs> {
  const device = await startDevice(options);
  opened.push({ close: () => device[Symbol.asyncDispose]() });
  await furnish(device);
  return device;
}

function connect(device: PanOs, cluster = 'lab'): PanosDriver {
  const driver = connectTo(device, OPTIONS, cluster);
  opened.push(driver);
  return driver;
}

const before = world(crowd(3, 'bank'));
const after = world({ ...crowd(2, 'bank'), '10.0.7.7': 'shop' }, [
  allowing('bank', '203.0.113.0/24', 8443),
  allowing('shop', '198.51.100.0/24', 80),
]);
const packets = everyPacket().filter(({ family, protocol }) => family === 4 && (protocol === 6 || protocol === 17));

/** What the device itself says to a packet, by its own rules; `rest` of the owner lets everything pass. */
function passes(
  device: PanOs,
  { source, destination, protocol, sourcePort = 1024, destinationPort = 0 }: Packet,
): boolean {
  const ports = { sourcePort, destinationPort, from: 'k8s', to: 'internet' };
  const { verdict } = device.passes({ source, destination, protocol: protocol === 6 ? 'tcp' : 'udp', ...ports });
  return verdict === 'pass';
}

function expectBetween(device: PanOs, ...allowed: readonly (Ruleset | undefined)[]): void {
  const wrong = packets.filter((packet) => {
    const passing = passes(device, packet);
    return !allowed.some((one) => (one === undefined || fateOf(one, packet).passes) === passing);
  });
  expect(wrong).toEqual([]);
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (thrown: unknown) => {
      if (thrown instanceof SallyportError) return thrown.code;
      throw thrown;
    },
  );

describe('the device itself says what the ruleset says', () => {
  test('to every packet, before and after', async () => {
    const device = await border();
    await bring(connect(device), before);
    expectBetween(device, before);
    await bring(connect(device), after);
    expectBetween(device, after);
  });
});

const isWrite = (given: ReadonlyMap<string, string>): boolean => {
  const [type, action] = [given.get('type'), given.get('action')];
  return type === 'commit' || type === 'user-id' || (type === 'config' && action !== 'get' && action !== 'show');
};

describe('cut off at every request that writes', () => {
  test.each(['lost before', 'lost after'] as const)(
    '%s: nothing opens, nothing foreign changes, and the next one gets there',
    async (kind) => {
      const device = await border();
      await bring(connect(device), after);
      const goal = oursOn(device);
      const foreign = foreignOn(device);
      for (let last = 0, more = true; more; last++) {
        await bring(connect(device), before);
        let count = 0;
        device.faults.next({ kind }, { times: 1, matches: (given) => isWrite(given) && count++ === last });
        const ended = await codeOf(bring(connect(device), after));
        more = count > last;
        device.faults.clear();
        expect(['done', 'DEVICE_UNREACHABLE'], `request ${last}`).toContain(ended);
        expectBetween(device, before, after);
        await bring(connect(device), after);
        expect(oursOn(device), `request ${last}`).toBe(goal);
        expect(foreignOn(device), `request ${last}`).toBe(foreign);
        expect(device.locks.held('config')).toEqual([]);
      }
    },
    120_000,
  );
});

describe('bad days', () => {
  test('a person holds the lock: rules wait, members go on, and it ends with the lock', async () => {
    const device = await border();
    await bring(connect(device), before);
    device.locks.take('config', 'vsys1', 'alice');
    expect(await codeOf(bring(connect(device), after))).toBe('DEVICE_EDIT_LOCK');
    expectBetween(device, before, after);
    await bring(connect(device), world(crowd(4, 'bank')));
    device.locks.release('config', 'vsys1', 'alice');
    await bring(connect(device), after);
    expectBetween(device, after);
  });

  test('a commit fails: its words are told, and nothing of ours stays in the candidate', async () => {
    const device = await border();
    await bring(connect(device), before);
    const candidate = device.dumpCandidate();
    device.failNextCommit('Commit failed: no memory');
    await expect(bring(connect(device), after)).rejects.toThrow(/no memory/);
    expect(device.dumpCandidate()).toBe(candidate);
    await bring(connect(device), after);
    expectBetween(device, after);
  });

  test('what others edit and do not commit stays theirs', async () => {
    const device = await border();
    byHand(device, 'set', "/address/entry[@name='draft']", { element: '<ip-netmask>192.0.2.99/32</ip-netmask>' });
    await bring(connect(device), before);
    expect(device.dump()).not.toContain('draft');
    expect(device.dumpCandidate()).toContain('draft');
    await commitByHand(device);
    expect(await stepsOf(connect(device), before)).toEqual([]);
  });

  test('every registered address is lost: nothing opens, and they come back', async () => {
    const device = await border();
    const driver = connect(device);
    await bring(driver, before);
    device.clearRegistered();
    for (const packet of packets) if (passes(device, packet)) expect(fateOf(before, packet).passes).toBe(true);
    await bring(driver, before);
    expectBetween(device, before);
  });

  test('the 1,001st address of 1,000 is refused before anything is sent', async () => {
    const device = await border({ capacity: { 'max-registered-ip-address': 20 } });
    const driver = connect(device);
    await bring(driver, before);
    const writes = writesOn(device);
    expect(await codeOf(bring(driver, world(crowd(60, 'bank'))))).toBe('DEVICE_LIMIT');
    expect(writesOn(device)).toBe(writes);
  });

  test('two clusters on one vsys leave each other alone', async () => {
    const device = await border();
    await bring(connect(device), before);
    const ours = oursOn(device);
    await bring(connect(device, 'other'), { ...world(crowd(2, 'shop')), cluster: 'other' });
    expect(oursOn(device)).toBe(ours);
    expect(await stepsOf(connect(device), before)).toEqual([]);
  });

  test('keys that ran out and every dialect of a repeated tag change nothing', async () => {
    for (const reregistering of ['silent', 'error', 'error and skip'] as const) {
      const device = await border({ quirks: { reregistering, referencesAt: 'commit', commitQueue: true } });
      const driver = connect(device);
      await bring(driver, before);
      device.accounts.expireKeys();
      await bring(driver, after);
      expectBetween(device, after);
    }
  });

  test('no change is no write and no commit', async () => {
    const device = await border();
    const driver = connect(device);
    await bring(driver, before);
    const writes = writesOn(device);
    for (let round = 0; round < 3; round++) expect(await stepsOf(driver, before)).toEqual([]);
    expect(writesOn(device)).toBe(writes);
  });
});
