import { driverContract } from '../contract/driver-contract.ts';
import type { AnyDriver, DriverHarness } from '../contract/harness.ts';
import { writeAtOnce } from '../rulebase/plain-dialect.fixture.ts';
import {
  connectToBorder,
  foreignOnBorder,
  oursOnBorder,
  startBorder,
  tamperOnBorder,
  writesOnBorder,
} from './panorama-lab.fixture.ts';

const OPTIONS = {
  form: 'Full',
  position: { before: 'rest' },
  securityProfile: 'none',
  log: 'None',
  zones: { from: ['k8s'], to: ['internet'] },
};

async function harness(): Promise<DriverHarness> {
  const border = await startBorder();
  const drivers: { close(): Promise<void> }[] = [];
  return {
    connect(): AnyDriver {
      const driver = connectToBorder(border, OPTIONS, { write: writeAtOnce });
      drivers.push(driver);
      return driver as unknown as AnyDriver;
    },
    foreign: () => Promise.resolve(foreignOnBorder(border)),
    ours: () => Promise.resolve(oursOnBorder(border)),
    tamper: (variant) => tamperOnBorder(border, variant),
    received: () => writesOnBorder(border),
    async close() {
      for (const driver of drivers) await driver.close();
      await border[Symbol.asyncDispose]();
    },
  };
}

driverContract('Panorama', harness, {
  runs: 2,
  exempt: {
    '0 members change no rule':
      'the group of a class is dynamic as long as all its members lie in networks: the first one that does not makes it a static one',
  },
  // Other protocols are applications there, and it has no source translation for IPv6.
  draws: { portsAlone: true, translated: [4] },
});
