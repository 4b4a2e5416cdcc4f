import { join } from 'node:path';
import type { BorderFirewall } from '../../api/resource.ts';
import { systemClock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { AuditTrail } from '../../insight/audit/trail.ts';
import { soleWriter } from '../../firewalls/writer-lock.ts';
import { audited } from './audited-driver.ts';
import { ConfirmedFolder, recordedDevice } from '../state/confirmed-folder.ts';
import { GuardLease } from './guard-lease.ts';
import { GuardFolder } from '../state/guard-folder.ts';
import type { OpenDevice } from './open-device.ts';
import { type CredentialPlaces, credentialsOf } from './device-credentials.ts';
import { deviceMistakes } from './device-mistakes.ts';
import { driverKinds } from './drivers.ts';
import type { Feeds } from '../feeds/feeds.ts';
import type { Grant } from './writers.ts';

export interface DeviceSurroundings {
  readonly log: Log;
  /** Owner of what is created. */
  readonly cluster: string;
  /** Where lock files lie, so that one process of this machine writes to a device, and the audit trail of each firewall. */
  readonly stateFolder: string;
  /** Bytes of the audit trails of all firewalls together; absent: each is limited by itself. */
  readonly auditBytes?: number | undefined;
  /** On whose behalf is written, in the audit trail: `controller edge-a`, `user root`. */
  readonly by: string;
  /** Where lists are given out; absent: nowhere by this process. */
  readonly feeds?: Feeds;
  /** Where `credentialsRef` may lead; absent: to files. */
  readonly places?: CredentialPlaces | undefined;
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
  { log, cluster, stateFolder, auditBytes, by, feeds, places = { environment: {} } }: DeviceSurroundings,
  grant?: Grant,
): OpenDevice {
  const errors = deviceMistakes(firewall, cluster).filter(({ severity }) => severity === 'error');
  if (errors[0] !== undefined)
    throw new SallyportError(errors[0].code, errors.map(({ path, message }) => `${path}: ${message}`).join('; '));
  const kind = driverKinds.get(firewall.driver);
  if (kind === undefined) throw new SallyportError('DEVICE_DRIVER', `there is no driver "${firewall.driver}"`);
  const credentials = credentialsOf(firewall, places);
  // Without a Lease the driver takes the lock of this machine before its first write, and refuses without it.
  const lock = grant?.lock ?? soleWriter;
  const epoch = grant?.epoch;
  const device = kind.open(firewall, { log, cluster, stateFolder, lock, epoch, credentials, feeds });
  const of = { cluster, firewall: firewall.name };
  const trail = new AuditTrail({
    folder: auditFolder(stateFolder, firewall.name),
    firewall: firewall.name,
    clock: systemClock,
    log,
    ...(auditBytes === undefined ? {} : { roomBytes: auditBytes }),
  });
  return {
    driver: audited(device.driver, trail, by),
    trail,
    memory: grant?.memory === undefined ? new GuardFolder(stateFolder, of) : new GuardLease(grant.memory, of),
    record: new ConfirmedFolder(stateFolder, { ...of, device: recordedDevice(firewall) }, epoch),
    lock,
    async close() {
      await device.close();
      trail.close();
    },
  };
}
