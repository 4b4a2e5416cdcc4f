import type { DriverHarness } from '../contract/harness.ts';
import { MemoryDevice } from './device.ts';
import { MemoryDriver } from './memory-driver.ts';

/** A firewall in memory with rules of somebody else. */
export function memoryHarness(): Promise<DriverHarness> {
  const device = new MemoryDevice(['accept everything from 192.0.2.0/24', 'drop the rest of "them"']);
  const ways: readonly (() => void)[] = [
    () => device.edit('class bank', undefined, 'alice'),
    () => device.edit('class bank', 'no text of ours'),
    () => device.edit('class of somebody', '{}'),
    () => device.edit('settings', undefined),
    () => device.editRow('members', '10.0.0.1', undefined),
    () => device.editRow('members', '10.0.0.1', 'shop'),
    () => device.editRow('members', '10.0.0.99', 'bank'),
  ];
  return Promise.resolve({
    connect: () => new MemoryDriver(device),
    foreign: () => Promise.resolve(device.dumpForeign()),
    ours: () => Promise.resolve(device.dump()),
    received: () => device.writes,
    tamper: (variant) => {
      ways[variant]?.();
      return Promise.resolve(variant < ways.length);
    },
    close: () => Promise.resolve(),
  });
}
