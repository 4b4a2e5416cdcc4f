import { join } from 'node:path';
import process from 'node:process';
import type { BorderFirewall } from '../api/resource.ts';
import { SallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { NftablesDriver } from '../firewalls/nftables/driver.ts';
import { soleWriter } from '../firewalls/writer-lock.ts';
import { makePrivateFolder, removePrivateFolder } from './private-folder.ts';
import type { OpenDevice } from './controller.ts';
import { deviceMistakes } from './device-mistakes.ts';

export interface DeviceSurroundings {
  readonly log: Log;
  /** Where lock files lie, so that one process of this machine writes to a device. */
  readonly stateFolder: string;
}

/**
 * Opens the device of a BorderFirewall by its driver; nothing is sent yet. Throws where the BorderFirewall has a mistake that leaves the
 * device alone (`deviceMistakes`).
 */
export function openDevice(firewall: BorderFirewall, { log, stateFolder }: DeviceSurroundings): OpenDevice {
  const errors = deviceMistakes(firewall).filter(({ severity }) => severity === 'error');
  if (errors[0] !== undefined)
    throw new SallyportError(errors[0].code, errors.map(({ path, message }) => `${path}: ${message}`).join('; '));
  const agentSocket = process.env['SSH_AUTH_SOCK'];
  const directory = makePrivateFolder('device');
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
      removePrivateFolder(directory);
    },
  };
}
