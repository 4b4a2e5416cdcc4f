import { driverContract } from '../contract/driver-contract.ts';
import type { DriverHarness } from '../contract/harness.ts';
import { writeAtOnce } from '../rulebase/plain-dialect.fixture.ts';
import { harnessOf, terms } from './contract.fixture.ts';
import { FULL } from './lab.fixture.ts';
import {
  connectToBorder,
  foreignOnBorder,
  oursOnBorder,
  startBorder,
  tamperOnBorder,
  writesOnBorder,
} from './panorama-lab.fixture.ts';

async function harness(): Promise<DriverHarness> {
  const border = await startBorder();
  return harnessOf({
    connect: () => connectToBorder(border, FULL, { write: writeAtOnce }),
    foreign: () => foreignOnBorder(border),
    ours: () => oursOnBorder(border),
    tamper: (variant) => tamperOnBorder(border, variant),
    received: () => writesOnBorder(border),
    [Symbol.asyncDispose]: async () => border[Symbol.asyncDispose](),
  });
}

driverContract('Panorama', harness, terms);
