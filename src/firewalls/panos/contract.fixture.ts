import type { ContractOptions } from '../contract/driver-contract.ts';
import type { AnyDriver, DriverHarness } from '../contract/harness.ts';

interface Closable {
  close(): Promise<void>;
}

/** What of a harness differs between a firewall alone and one behind a Panorama. */
interface Parts extends Required<Pick<DriverHarness, 'tamper' | 'received'>>, AsyncDisposable {
  connect(): Closable;
  foreign(): string;
  ours(): string;
}

export function harnessOf(parts: Parts): DriverHarness {
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
