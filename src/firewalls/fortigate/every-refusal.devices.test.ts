import { afterAll, beforeAll, expect, test } from 'vitest';
import { rulesOnBadDays } from '../../../test/kit/bad-day-worlds.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { PATIENCE_MS } from '../../../test/kit/runs.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import type { Code } from '../../base/catalogue.ts';
import { type AnyDriver, bring, stepsOf } from '../contract/harness.ts';
import { TRANSACTION_SECONDS } from './transaction.ts';
import { RULES } from './contract.fixture.ts';

const { before, after } = rulesOnBadDays(['blocked']);
const signal = new AbortController().signal;
const clock = new FakeClock();

let simulated: SimulatedDevice;
let held: string;
let foreign: string;
beforeAll(async () => {
  simulated = await SimulatedDevice.start({ version: '7.4.8', clock });
  simulated.device.hand.settings('system/settings', { 'central-nat': 'enable' });
  simulated.addForeignRules();
  await bring(connect(), before);
  held = simulated.ours();
  foreign = simulated.foreign();
}, PATIENCE_MS);
afterAll(async () => await simulated[Symbol.asyncDispose]());

/** As a new process, which has not been refused anything. */
function connect(): AnyDriver {
  return simulated.connect(RULES, { clock });
}

/** Everything of the reference 1.5, and what is to be done about it there. */
const codes: readonly (readonly [Code, readonly number[]])[] = [
  // Gone, there already, or in use, though it is still as it was read: to read it again would not help.
  ['DEVICE_REJECTED', [-3, -5, -15, -23, -176]],
  ['DEVICE_LIMIT', [-4, -580]],
  ['DEVICE_RIGHTS', [-14, -37]],
  ['NAME_TAKEN', [-162, -163, -164]],
  ['DEVICE_BUSY', [-360]],
  ['DEVICE_REJECTED', [-361]],
  // Only we can have done that.
  ['INTERNAL', [-1001, -10_000, -10_001, -10_002]],
  ['DEVICE_REJECTED', [-1, -2, -7, -8, -9, -50, -56, -61, -72, -73, -90, -91, -139, -156, -173, -177, -178]],
  ['DEVICE_REJECTED', [-254, -255, -363, -515, -560, -650, -651]],
];
/** Statuses of the reference 1.4, with a page instead of an answer. */
const statuses: readonly (readonly [Code, number])[] = [
  ['DEVICE_REJECTED', 400],
  ['DEVICE_CREDENTIALS', 401],
  ['DEVICE_RIGHTS', 403],
  ['DEVICE_REJECTED', 404],
  ['INTERNAL', 405],
  ['DEVICE_LIMIT', 413],
  ['DEVICE_REJECTED', 424],
  ['DEVICE_BUSY', 429],
  ['DEVICE_BUSY', 500],
];
const faults = [
  ...codes.flatMap(([says, all]) =>
    all.map((error) => [`${error}`, says, { kind: 'database error', error } as const] as const),
  ),
  ...statuses.map(([says, status]) => [`HTTP ${status}`, says, { kind: 'page', status } as const] as const),
];
const moments = [
  ['an entry', { method: 'POST', url: '/cmdb/firewall' }],
  ['the commit', { url: 'transaction-commit' }],
] as const;

test.each(faults.flatMap(([what, says, fault]) => moments.map((moment) => [what, ...moment, says, fault] as const)))(
  '%s to %s is said as what it is, and nothing has changed',
  async (_what, _moment, where, says, fault) => {
    const { faults: waiting } = simulated.device;
    const driver = connect();
    const [step] = await stepsOf(driver, after);
    if (step === undefined) throw new Error('there is nothing to do');
    // One of them is worth a second attempt (`retries.devices.test.ts`).
    waiting.next(fault, where, 2);
    await expect(driver.apply(step, signal)).rejects.toMatchObject({ code: says });
    waiting.clear();
    // Whoever was refused could not say that it is over.
    clock.advance((TRANSACTION_SECONDS + 1) * 1_000);
    expect(simulated.ours()).toBe(held);
    expect(simulated.foreign()).toBe(foreign);
  },
  PATIENCE_MS,
);

test('and after all of them it gets there', async () => {
  await bring(connect(), after);
  expect(simulated.foreign()).toBe(foreign);
  expect(await stepsOf(connect(), after)).toEqual([]);
});
