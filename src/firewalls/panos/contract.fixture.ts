import type { PanOs, PanOsOptions } from '../../../simulators/panos/index.ts';
import type { ContractOptions } from '../contract/driver-contract.ts';
import type { AnyDriver, DriverHarness } from '../contract/harness.ts';
import { writeAtOnce } from '../rulebase/plain-dialect.fixture.ts';
import { FULL, connectTo, foreignOn, furnish, isWrite, oursOn, startDevice, tamper } from './lab.fixture.ts';
import { connectToBorder, foreignOnBorder, oursOnBorder, startBorder, tamperOnBorder } from './panorama/lab.fixture.ts';

interface Closable {
  close(): Promise<void>;
}

/** What of a harness differs between a firewall alone and one behind a Panorama. */
interface Parts extends Required<Pick<DriverHarness, 'tamper' | 'received'>>, AsyncDisposable {
  connect(): Closable;
  foreign(): string;
  ours(): string;
}

function harnessOf(parts: Parts): DriverHarness {
  const drivers: Closable[] = [];
  return {
    connect() {
      const driver = parts.connect();
      drivers.push(driver);
      return driver as unknown as AnyDriver;
    },
    foreign: () => Promise.resolve(parts.foreign()),
    ours: () => Promise.resolve(parts.ours()),
    tamper: parts.tamper,
    received: parts.received,
    async close() {
      for (const driver of drivers) await driver.close();
      await parts[Symbol.asyncDispose]();
    },
  };
}

/** Requests that changed something, locks included. */
function writesAmong(served: PanOs['served']): number {
  return served.filter(({ parameters }) => isWrite(new Map(Object.entries(parameters)))).length;
}

/** A firewall with PAN-OS and rules of somebody else. */
export async function firewallHarness(options: PanOsOptions = {}): Promise<DriverHarness> {
  const device = await startDevice(options);
  await furnish(device);
  return harnessOf({
    connect: () => connectTo(device, FULL, 'lab', { write: writeAtOnce }),
    foreign: () => foreignOn(device),
    ours: () => oursOn(device),
    tamper: (variant) => tamper(device, variant),
    received: () => writesAmong(device.served),
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  });
}

/** Two firewalls behind a Panorama. */
export async function borderHarness(): Promise<DriverHarness> {
  const border = await startBorder();
  return harnessOf({
    connect: () => connectToBorder(border, FULL, { write: writeAtOnce }),
    foreign: () => foreignOnBorder(border),
    ours: () => oursOnBorder(border),
    tamper: (variant) => tamperOnBorder(border, variant),
    received: () => writesAmong(border.panorama.served),
    [Symbol.asyncDispose]: async () => border[Symbol.asyncDispose](),
  });
}

/** How the contract is kept on PAN-OS, wherever its rules are edited. */
export const terms = {
  runs: 2,
  exempt: {
    '0 members change no rule':
      'the group of a class is dynamic as long as all its members lie in networks: the first one that does not makes it a static one',
  },
  // Other protocols are applications there, and it has no source translation for IPv6.
  draws: { portsAlone: true, translated: [4] },
} satisfies ContractOptions;
