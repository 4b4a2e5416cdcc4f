import type { BorderFirewall } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { DeviceCredentials } from '../device-credentials.ts';
import { parseHttpsAddress } from '../https/device-address.ts';
import { DeviceApi } from '../https/device-api.ts';
import { PanosApi } from './api.ts';
import { PanosDriver } from './driver.ts';
import { Login } from './login.ts';
import { readOptions } from './options.ts';

/** Reads do not wait for each other; management planes are small. */
const CONNECTIONS = 3;

export interface PanosSurroundings {
  readonly cluster: string;
  readonly clock: Clock;
  readonly credentials: DeviceCredentials | undefined;
  readonly lockDirectory: string | undefined;
}

/** The driver of a BorderFirewall; nothing is sent yet. Throws what its settings are wrong in. */
export function openPanos(firewall: BorderFirewall, around: PanosSurroundings): PanosDriver {
  const { cluster, clock, credentials, lockDirectory } = around;
  if (credentials === undefined)
    throw new SallyportError('DEVICE_CREDENTIALS', 'spec.credentialsRef is missing: nobody is let in without it');
  const url = parseHttpsAddress(firewall.address);
  const https = new DeviceApi({ url, tls: firewall.tls, connections: CONNECTIONS });
  return new PanosDriver({
    api: new PanosApi(https, new Login(credentials)),
    cluster,
    firewall: firewall.name,
    options: readOptions(firewall),
    clock,
    lockDirectory,
    identity: url.host,
    close: () => https.close(),
  });
}
