import { driverContract } from '../contract/driver-contract.ts';
import type { AnyDriver, DriverHarness } from '../contract/harness.ts';
import { writeAtOnce } from '../rulebase/plain-dialect.fixture.ts';
import { connectTo, foreignOn, furnish, oursOn, startDevice, tamper, writesOn } from './lab.fixture.ts';

const OPTIONS = {
  form: 'Full',
  position: { before: 'rest' },
  securityProfile: 'none',
  log: 'None',
  zones: { from: ['k8s'], to: ['internet'] },
};

async function harness(): Promise<DriverHarness> {
  const device = await startDevice();
  await furnish(device);
  const drivers: { close(): Promise<void> }[] = [];
  return {
    connect(): AnyDriver {
      const driver = connectTo(device, OPTIONS, 'lab', { write: writeAtOnce });
      drivers.push(driver);
      return driver as unknown as AnyDriver;
    },
    foreign: () => Promise.resolve(foreignOn(device)),
    ours: () => Promise.resolve(oursOn(device)),
    tamper: (variant) => tamper(device, variant),
    received: () => writesOn(device),
    async close() {
      for (const driver of drivers) await driver.close();
      await device[Symbol.asyncDispose]();
    },
  };
}

driverContract('PAN-OS', harness, {
  says: 'panos',
  runs: 2,
  exempt: {
    '0 members change no rule':
      'the group of a class is dynamic as long as all its members lie in networks: the first one that does not makes it a static one',
  },
  // Other protocols are applications there, and it has no source translation for IPv6.
  draws: { portsAlone: true, translated: [4] },
});
