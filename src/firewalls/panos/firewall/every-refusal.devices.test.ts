import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { rulesOnBadDays } from '../../../../test/kit/bad-day-worlds.ts';
import { PATIENCE_MS } from '../../../../test/kit/runs.ts';
import type { Code } from '../../../base/catalogue.ts';
import { SallyportError } from '../../../base/error.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { type AnyDriver, bring, stepsOf } from '../../contract/harness.ts';
import { FULL, connectTo, foreignOn, furnish, oursOn, startDevice } from '../lab.fixture.ts';

const { before, after } = rulesOnBadDays();
const signal = new AbortController().signal;
const drivers: { close(): Promise<void> }[] = [];

let device: PanOs;
let foreign: string;
beforeAll(async () => {
  device = await startDevice();
  await furnish(device);
  await bring(connect(), before);
  foreign = foreignOn(device);
}, PATIENCE_MS);
afterAll(async () => {
  for (const driver of drivers) await driver.close();
  await device[Symbol.asyncDispose]();
});

function connect(): AnyDriver {
  const driver = connectTo(device, FULL, 'lab', { write: writeAtOnce });
  drivers.push(driver);
  return driver as unknown as AnyDriver;
}

/** Codes of the reference 1.2, with words that say nothing. */
const codes: readonly (readonly [Code, readonly number[]])[] = [
  ['DEVICE_REJECTED', [1, 6, 12, 14, 15, 17, 18, 400]],
  ['DEVICE_BUSY', [2, 3, 4, 5, 11, 21, 22]],
  // Absent, there twice, in use: read again, but not what was read under the lock.
  ['DEVICE_CHANGED', [7, 8, 10, 13]],
  ['DEVICE_RIGHTS', [16, 403]],
];
/** Texts of the references 1.2 and 1.7, with a code that says nothing. */
const texts: readonly (readonly [Code, string])[] = [
  ['DEVICE_BUSY', 'Another commit/validate is in progress. Please try again later'],
  ['DEVICE_BUSY', 'A commit is in progress.'],
  ['DEVICE_BUSY', 'You cannot commit while an install is in progress. Please try again later.'],
  ['DEVICE_BUSY', 'Another sync is in progress. Please try again later'],
  ['DEVICE_BUSY', 'Failed to synchronize running configuration with HA peer'],
  ['DEVICE_EDIT_LOCK', 'Configuration is locked by alice'],
  ['DEVICE_EDIT_LOCK', 'Config for scope vsys1 is currently locked'],
  ['DEVICE_EDIT_LOCK', 'Commit lock is already held'],
  ['DEVICE_BUSY', 'Session timed out'],
];
const refusals = [
  ...codes.flatMap(([says, all]) => all.map((code) => [says, code, 'no'] as const)),
  ...texts.map(([says, text]) => [says, 14, text] as const),
];
const moments = [
  ['the edits', (given: ReadonlyMap<string, string>) => given.get('action') === 'multi-config'],
  ['the commit', (given: ReadonlyMap<string, string>) => given.get('type') === 'commit'],
  ['registered addresses', (given: ReadonlyMap<string, string>) => given.get('type') === 'user-id'],
] as const;

const cases = refusals.flatMap(([means, code, text]) =>
  moments.map(([moment, matches]) => {
    const isLocked = moment !== 'registered addresses';
    const says = means === 'DEVICE_CHANGED' && isLocked ? 'DEVICE_REJECTED' : means;
    return [code, text, moment, matches, says] as const;
  }),
);

test.each(cases)(
  '%i, "%s", to %s is said as what it is, nothing of others has changed, and the next run gets there',
  async (code, text, _moment, matches, says) => {
    const driver = connect();
    await bring(driver, before);
    const held = oursOn(device);
    device.faults.next({ kind: 'refused', code, text }, { matches });
    const said: string[] = [];
    const between: string[] = [];
    for (const step of await stepsOf(driver, after)) {
      try {
        await driver.apply(step, signal);
      } catch (thrown) {
        if (!(thrown instanceof SallyportError)) throw thrown;
        said.push(thrown.code);
        break;
      }
      between.push(oursOn(device));
    }
    device.faults.clear();
    expect(said).toEqual([says]);
    // What was refused has no part of its effect.
    expect(oursOn(device)).toBe(between.at(-1) ?? held);
    expect(foreignOn(device)).toBe(foreign);
    await bring(connect(), after);
    expect(await stepsOf(connect(), after)).toEqual([]);
    expect(foreignOn(device)).toBe(foreign);
  },
  PATIENCE_MS,
);
