import { afterEach, describe, expect, test } from 'vitest';
import type { PanOs, PanOsOptions } from '../../../../simulators/panos/index.ts';
import { groupsOnBadDays, rulesOnBadDays } from '../../../../test/kit/bad-day-worlds.ts';
import { panosBadDays } from '../../../../test/kit/panos-bad-days.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { SallyportError } from '../../../base/error.ts';
import { badDays } from '../../contract/bad-days.ts';
import { bring, stepsOf } from '../../contract/harness.ts';
import type { PanosDriver } from './driver.ts';
import { FULL, byHand, commitByHand, connectTo, furnish, startDevice, writesOn } from '../lab.fixture.ts';

badDays('PAN-OS, rules and translations', () => panosBadDays({}, FULL), rulesOnBadDays());
badDays('PAN-OS, groups alone', () => panosBadDays({}, { position: { before: 'rest' } }), groupsOnBadDays);

describe('what PAN-OS alone has', () => {
  const opened: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).toReversed()) await one.close();
  });
  const border = async (options: PanOsOptions = {}): Promise<PanOs> => {
    const device = await startDevice(options);
    opened.push({ close: () => device[Symbol.asyncDispose]() });
    await furnish(device);
    return device;
  };
  const connect = (device: PanOs): PanosDriver => {
    const driver = connectTo(device, FULL);
    opened.push(driver);
    return driver;
  };
  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (thrown: unknown) => {
        if (thrown instanceof SallyportError) return thrown.code;
        throw thrown;
      },
    );

  test('a person holds the lock: rules wait, members go on, and it ends with the lock', async () => {
    const device = await border();
    const [before, after] = [
      world(crowd(3, 'bank')),
      world(crowd(3, 'bank'), [allowing('bank', '203.0.113.0/24', 8443)]),
    ];
    await bring(connect(device), before);
    device.locks.take('config', 'vsys1', 'alice');
    expect(await codeOf(bring(connect(device), after))).toBe('DEVICE_EDIT_LOCK');
    await bring(connect(device), world(crowd(4, 'bank')));
    device.locks.release('config', 'vsys1', 'alice');
    await bring(connect(device), after);
    expect(await stepsOf(connect(device), after)).toEqual([]);
  });

  test('a commit fails: its words are told, and nothing of ours stays in the candidate', async () => {
    const device = await border();
    const candidate = device.dumpCandidate();
    device.failNextCommit('Commit failed: no memory');
    await expect(bring(connect(device), world(crowd(3, 'bank')))).rejects.toThrow(/no memory/);
    expect(device.dumpCandidate()).toBe(candidate);
  });

  test('what others edit and do not commit stays theirs', async () => {
    const device = await border();
    byHand(device, 'set', "/address/entry[@name='draft']", { element: '<ip-netmask>192.0.2.99/32</ip-netmask>' });
    await bring(connect(device), world(crowd(3, 'bank')));
    expect(device.dump()).not.toContain('draft');
    expect(device.dumpCandidate()).toContain('draft');
    await commitByHand(device);
    expect(await stepsOf(connect(device), world(crowd(3, 'bank')))).toEqual([]);
  });

  test('keys that ran out are made anew, whatever a repeated tag is answered with', async () => {
    for (const reregistering of ['silent', 'error', 'error and skip'] as const) {
      const device = await border({ quirks: { reregistering, referencesAt: 'commit', commitQueue: true } });
      const driver = connect(device);
      await bring(driver, world(crowd(3, 'bank')));
      device.accounts.expireKeys();
      await bring(driver, world(crowd(2, 'bank')));
      expect(await stepsOf(connect(device), world(crowd(2, 'bank')))).toEqual([]);
    }
  });

  test('no change is no write and no commit', async () => {
    const device = await border();
    const driver = connect(device);
    await bring(driver, world(crowd(3, 'bank')));
    const writes = writesOn(device);
    for (let round = 0; round < 3; round++) expect(await stepsOf(driver, world(crowd(3, 'bank')))).toEqual([]);
    expect(writesOn(device)).toBe(writes);
  });
});
