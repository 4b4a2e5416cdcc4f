import { expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { allowing, world } from '../../../test/kit/worlds.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type AnyDriver, bring, clear, stepsOf } from '../contract/harness.ts';
import { RULES } from './contract.fixture.ts';

const signal = new AbortController().signal;
const SAVING = { method: 'POST', url: 'config/save' };

function at(port: number): Ruleset {
  return world({ '10.0.0.1': 'bank' }, [allowing('bank', '203.0.113.0/24', port)]);
}

async function savedByHand(): Promise<SimulatedDevice> {
  const simulated = await SimulatedDevice.start({ version: '7.4.8' });
  simulated.device.hand.settings('system/global', { 'cfg-save': 'manual' });
  return simulated;
}

const saves = (simulated: SimulatedDevice): number =>
  simulated.writes().filter((write) => write.includes(SAVING.url)).length;

async function applied(driver: AnyDriver, ruleset: Ruleset): Promise<void> {
  for (const step of await stepsOf(driver, ruleset)) await driver.apply(step, signal);
}

test('where people save, each change is saved with it, and once', async () => {
  await using simulated = await savedByHand();
  const driver = simulated.connect(RULES);
  await bring(driver, at(443));
  const held = simulated.ours();
  expect(await stepsOf(driver, at(443))).toEqual([]);
  expect(simulated.device.live.device.isSaved).toBe(true);
  expect(saves(simulated)).toBe(simulated.writes().filter((write) => write.includes('transaction-commit')).length);
  await simulated.device.reboot();
  expect(simulated.ours()).toBe(held);
});

test.each([
  ['its saving is refused', { kind: 'page', status: 500 }, SAVING],
  ['its saving does not arrive', { kind: 'request lost' }, SAVING],
  ['its commit has no answer', { kind: 'answer lost' }, { method: 'POST', url: 'transaction-commit' }],
] as const)('a change is saved later where %s, though nothing else is left to do', async (_, fault, request) => {
  await using simulated = await savedByHand();
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, at(443));
  simulated.device.faults.next(fault, request);
  await expect(applied(driver, at(8443))).rejects.toMatchObject({ name: 'SallyportError' });
  expect(simulated.device.live.device.isSaved).toBe(false);
  const held = simulated.ours();
  const begun = simulated.writes().length;
  await bring(driver, at(8443));
  expect(simulated.writes().slice(begun)).toEqual([expect.stringContaining(SAVING.url)]);
  expect(await stepsOf(driver, at(8443))).toEqual([]);
  await simulated.device.reboot();
  expect(simulated.ours()).toBe(held);
});

test('who leaves saves that too', async () => {
  await using simulated = await savedByHand();
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, at(443));
  simulated.device.faults.next({ kind: 'page', status: 500 }, SAVING);
  await expect(clear(driver)).rejects.toMatchObject({ name: 'SallyportError' });
  await clear(driver);
  await simulated.device.reboot();
  expect(simulated.ours()).toBe('');
});
