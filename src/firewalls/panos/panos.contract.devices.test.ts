import { driverContract } from '../contract/driver-contract.ts';
import type { DriverHarness } from '../contract/harness.ts';
import { writeAtOnce } from '../rulebase/plain-dialect.fixture.ts';
import { harnessOf, terms } from './contract.fixture.ts';
import { FULL, connectTo, foreignOn, furnish, oursOn, startDevice, tamper, writesOn } from './lab.fixture.ts';

async function harness(): Promise<DriverHarness> {
  const device = await startDevice();
  await furnish(device);
  return harnessOf({
    connect: () => connectTo(device, FULL, 'lab', { write: writeAtOnce }),
    foreign: () => foreignOn(device),
    ours: () => oursOn(device),
    tamper: (variant) => tamper(device, variant),
    received: () => writesOn(device),
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  });
}

driverContract('PAN-OS', harness, { ...terms, says: 'panos' });
