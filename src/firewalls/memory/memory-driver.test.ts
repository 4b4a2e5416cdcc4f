import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fateOf } from '../../../test/kit/ruleset-oracle.ts';
import { rulesetPairs, rulesets } from '../../../test/kit/rulesets.ts';
import { packets } from '../../../test/kit/universe.ts';
import { fateUnder } from '../../plan/fate.ts';
import { MemoryDevice } from './device.ts';
import { MemoryDriver } from './memory-driver.ts';
import { tries } from '../../../test/kit/runs.ts';

const signal = new AbortController().signal;

describe('the firewall in memory', () => {
  test('does to every packet what the ruleset says, read back from its texts', async () => {
    await fc.assert(
      fc.asyncProperty(rulesets(), fc.array(packets(), { minLength: 15, maxLength: 15 }), async (ruleset, list) => {
        const driver = new MemoryDriver(new MemoryDevice());
        for (const step of driver.steps(await driver.observe(signal), driver.translate(ruleset)))
          await driver.apply(step, signal);
        const { behaviour } = await driver.observe(signal);
        for (const packet of list) expect(fateUnder(behaviour, packet)).toEqual(fateOf(ruleset, packet));
      }),
      tries(30, 10),
    );
  });

  test('goes from any ruleset to any other, and then has nothing to do', async () => {
    await fc.assert(
      fc.asyncProperty(rulesetPairs({ hostile: true, domains: true }), async (pair) => {
        const device = new MemoryDevice(['theirs']);
        const driver = new MemoryDriver(device);
        for (const ruleset of pair) {
          const wanted = driver.translate(ruleset);
          for (const step of driver.steps(await driver.observe(signal), wanted)) await driver.apply(step, signal);
          expect(driver.steps(await driver.observe(signal), wanted)).toEqual([]);
        }
        const fresh = new MemoryDevice(['theirs']);
        const other = new MemoryDriver(fresh);
        for (const step of other.steps(await other.observe(signal), other.translate(pair[1])))
          await other.apply(step, signal);
        expect(device.dump()).toBe(fresh.dump());
        for (const step of driver.leave(await driver.observe(signal))) await driver.apply(step, signal);
        expect(device.dump()).toBe('foreign "theirs"\n');
      }),
      tries(30, 10),
    );
  });

  test('refuses a transaction that was made for another state, and knows one that it has done already', async () => {
    const [old, now] = fc.sample(rulesets(), { numRuns: 2, seed: 5 });
    if (old === undefined || now === undefined) throw new Error('no sample');
    const device = new MemoryDevice();
    const driver = new MemoryDriver(device);
    const [first] = driver.steps(await driver.observe(signal), driver.translate(old));
    const [rival] = driver.steps(await driver.observe(signal), driver.translate(now));
    if (first === undefined || rival === undefined) throw new Error('no step');
    await driver.apply(first, signal);
    await driver.apply(first, signal);
    expect(device.writes).toBe(1);
    await expect(driver.apply(rival, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
  });
});
