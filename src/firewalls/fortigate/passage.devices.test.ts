import { expect, test } from 'vitest';
import { fateOf } from '../../../test/kit/ruleset-oracle.ts';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { everyPacket } from '../../../test/kit/universe.ts';
import fc from 'fast-check';
import { type AnyDriver, bring, translationOf } from '../contract/harness.ts';

const OPTIONS = {
  zones: { from: ['port2'], to: ['port1'] },
  position: 'First',
  form: 'Full',
  securityProfile: 'none',
  log: 'All',
};

/** Answered by the device from its own configuration, by code that shares nothing with the driver. */
test.each(['enable', 'disable'])(
  'the device itself does to every packet what the ruleset says, central-nat %s',
  async (central) => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    const { device } = simulated;
    device.hand.settings('system/settings', { 'central-nat': central });
    // What our block leaves meets the owner's rules: they let everything pass.
    for (const suffix of ['', '6'])
      device.hand.create('firewall/policy', {
        name: `all${suffix}`,
        srcintf: [{ name: 'port2' }],
        dstintf: [{ name: 'port1' }],
        [`srcaddr${suffix}`]: [{ name: 'all' }],
        [`dstaddr${suffix}`]: [{ name: 'all' }],
        service: [{ name: 'ALL' }],
        schedule: 'always',
        action: 'accept',
      });
    await fc.assert(
      fc.asyncProperty(rulesets({ addressGroups: false, decided: central === 'disable' }), async (ruleset) => {
        const driver: AnyDriver = simulated.connect(OPTIONS);
        const { refusals } = await translationOf(driver, ruleset);
        fc.pre(refusals.length === 0);
        await bring(driver, ruleset);
        for (const { family: _family, ...packet } of everyPacket()) {
          const said = fateOf(ruleset, { family: _family, ...packet });
          const passage = device.wouldPass({ ...packet, from: 'port2', to: 'port1' });
          const what = JSON.stringify({ packet, passage });
          expect(passage.unsure, what).toEqual([]);
          expect(passage.verdict === 'accept', what).toBe(said.passes);
          if (!said.passes) continue;
          const { source } = passage;
          const from = source.kind === 'pool' ? source.ranges.join() : undefined;
          expect(from?.split('-')[0], what).toBe(said.from);
        }
      }),
      { ...tries(3), endOnFailure: true },
    );
  },
  PATIENCE_MS,
);
