import { join } from 'node:path';
import process from 'node:process';
import type { BorderFirewall } from '../api/resource.ts';
import { systemClock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { NftablesDriver } from '../firewalls/nftables/driver.ts';
import { AuditTrail } from '../insight/audit/trail.ts';
import { soleWriter } from '../firewalls/writer-lock.ts';
import { makePrivateFolder, removePrivateFolder } from './private-folder.ts';
import { audited } from './audited-driver.ts';
import type { OpenDevice } from './open-device.ts';
import { deviceMistakes } from './device-mistakes.ts';
import type { Grant } from './writers.ts';

export interface DeviceSurroundings {
  readonly log: Log;
  /** Where lock files lie, so that one process of this machine writes to a device, and the audit trail of each firewall. */
  readonly stateFolder: string;
  /** On whose behalf is written, in the audit trail: `controller edge-a`, `user root`. */
  readonly by: string;
}

/** Where the audit trail of a firewall lies. */
export function auditFolder(stateFolder: string, firewall: string): string {
  return join(stateFolder, 'audit', firewall);
}

/**
 * Opens the device of a BorderFirewall by its driver; nothing is sent yet. Throws where the BorderFirewall has a mistake that leaves the
 * device alone (`deviceMistakes`). `grant`: absent where this process is alone by the lock file.
 */
export function openDevice(
  firewall: BorderFirewall,
  { log, stateFolder, by }: DeviceSurroundings,
  grant?: Grant,
): OpenDevice {
  const errors = deviceMistakes(firewall).filter(({ severity }) => severity === 'error');
  if (errors[0] !== undefined)
    throw new SallyportError(errors[0].code, errors.map(({ path, message }) => `${path}: ${message}`).join('; '));
  const agentSocket = process.env['SSH_AUTH_SOCK'];
  const directory = makePrivateFolder('device');
  const driver = new NftablesDriver({
    address: firewall.address,
    log,
    directory,
    // A Lease is for all machines. The lock of this one would outlast it in a process that sleeps, and keep its successor out.
    ...(grant === undefined ? { lockDirectory: join(stateFolder, 'locks') } : { epoch: grant.epoch }),
    ...(agentSocket === undefined ? {} : { agentSocket }),
  });
  const trail = new AuditTrail({
    folder: auditFolder(stateFolder, firewall.name),
    firewall: firewall.name,
    clock: systemClock,
    log,
  });
  return {
    driver: audited(driver, trail, by),
    trail,
    // The driver takes the device's lock before its first write and refuses without it; the fence in the table keeps late writes out.
    lock: grant?.lock ?? soleWriter,
    async close() {
      await driver.close();
      trail.close();
      removePrivateFolder(directory);
    },
  };
}
