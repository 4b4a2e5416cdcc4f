import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { BorderFirewall } from '../api/resource.ts';
import { SallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { closest } from '../base/closest.ts';
import { NftablesDriver } from '../firewalls/nftables/driver.ts';
import { checkOptions } from '../firewalls/nftables/options.ts';
import { soleWriter } from '../firewalls/writer-lock.ts';
import type { OpenDevice } from './controller.ts';

/** Drivers that a BorderFirewall may name. */
const DRIVERS = ['nftables'] as const;

export interface DeviceSurroundings {
  readonly log: Log;
  /** Where lock files lie, so that one process of this machine writes to a device. */
  readonly stateFolder: string;
}

/**
 * Opens the device of a BorderFirewall by its driver; nothing is sent yet. Throws where the driver is not known (DEVICE_DRIVER), or its
 * address or options are wrong.
 */
export function openDevice(firewall: BorderFirewall, { log, stateFolder }: DeviceSurroundings): OpenDevice {
  if (firewall.driver !== 'nftables') {
    const near = closest(firewall.driver, DRIVERS);
    const hint = near === undefined ? `known: ${DRIVERS.join(', ')}` : `did you mean "${near}"?`;
    throw new SallyportError('DEVICE_DRIVER', `there is no driver "${firewall.driver}"; ${hint}`);
  }
  const [mistake] = checkOptions(firewall.options, 'spec.options');
  if (mistake !== undefined) throw new SallyportError(mistake.code, `${mistake.path}: ${mistake.message}`);
  const agentSocket = process.env['SSH_AUTH_SOCK'];
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-'));
  const driver = new NftablesDriver({
    address: firewall.address,
    log,
    directory,
    lockDirectory: join(stateFolder, 'locks'),
    ...(agentSocket === undefined ? {} : { agentSocket }),
  });
  return {
    driver,
    // The driver takes the device's lock before its first write and refuses without it; the fence in the table keeps late writes out.
    lock: soleWriter,
    async close() {
      await driver.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
