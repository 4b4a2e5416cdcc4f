import type { BorderFirewall } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { DeviceCredentials } from '../device-credentials.ts';
import { parseHttpsAddress } from '../https/device-address.ts';
import { DeviceApi } from '../https/device-api.ts';
import { PanosApi } from './api/api.ts';
import { PanosDevice } from './firewall/device.ts';
import { PanosDriver } from './firewall/driver.ts';
import { Login } from './api/login.ts';
import { readOptions, scopeOf } from './configuration/options.ts';
import { PanoramaDriver } from './panorama/driver.ts';
import type { Unit } from './firewall/pair.ts';
import type { ListWriter } from '../rulebase/translator.ts';

/** Reads do not wait for each other; management planes are small. */
export const CONNECTIONS = 6;
/** Firewalls behind a Panorama are asked side by side: a slow one keeps one connection. */
const PANORAMA_CONNECTIONS = 8;

export interface PanosSurroundings {
  readonly cluster: string;
  readonly clock: Clock;
  readonly credentials: DeviceCredentials | undefined;
  readonly lockDirectory: string | undefined;
  /** Writes and proves lists; absent: in a thread. */
  readonly write?: ListWriter | undefined;
}

/** The driver of a BorderFirewall, which is a firewall or a device group; nothing is sent yet. Throws what its settings are wrong in. */
export function openPanos(firewall: BorderFirewall, around: PanosSurroundings): PanosDriver | PanoramaDriver {
  return readOptions(firewall).deviceGroup === undefined
    ? openFirewall(firewall, around)
    : openPanorama(firewall, around);
}

function credentialsIn({ credentials }: PanosSurroundings): DeviceCredentials {
  if (credentials !== undefined) return credentials;
  throw new SallyportError('DEVICE_CREDENTIALS', 'spec.credentialsRef is missing: nobody is let in without it');
}

/** A device group of a Panorama. */
export function openPanorama(firewall: BorderFirewall, around: PanosSurroundings): PanoramaDriver {
  const { cluster, clock, lockDirectory, write } = around;
  const options = readOptions(firewall);
  const url = parseHttpsAddress(firewall.address);
  const https = new DeviceApi({ url, tls: firewall.tls, connections: PANORAMA_CONNECTIONS });
  return new PanoramaDriver({
    api: new PanosApi(https, new Login(credentialsIn(around), clock)),
    scope: scopeOf(options),
    cluster,
    firewall: firewall.name,
    options,
    adopt: firewall.adopt,
    clock,
    lockDirectory,
    write,
    identity: url.host,
    close: () => https.close(),
  });
}

/** One vsys of a firewall, or of a pair. */
export function openFirewall(firewall: BorderFirewall, around: PanosSurroundings): PanosDriver {
  const { cluster, clock, lockDirectory, write } = around;
  const credentials = credentialsIn(around);
  const options = readOptions(firewall);
  const { peer } = options;
  const urls = [firewall.address, ...(peer === undefined ? [] : [peer.address])].map(parseHttpsAddress);
  const talks = urls.map((url, at) => {
    const pinned = at === 1 && peer?.pin !== undefined ? { pin: peer.pin } : firewall.tls;
    return { url, https: new DeviceApi({ url, tls: pinned, connections: CONNECTIONS }) };
  });
  return new PanosDriver({
    units: (scope, positions) => {
      const [first, second] = talks.map(({ url, https }, at): Unit => {
        const api = new PanosApi(https, new Login(credentials, clock));
        const unit = `${at + 1}`;
        const isOfPair = peer !== undefined;
        const device = new PanosDevice(api, {
          scope,
          cluster,
          firewall: firewall.name,
          unit,
          isOfPair,
          positions,
          clock,
        });
        return { title: url.host, api, device };
      });
      if (first === undefined) throw new SallyportError('INTERNAL', 'a firewall has no address');
      return second === undefined ? [first] : [first, second];
    },
    cluster,
    firewall: firewall.name,
    options,
    adopt: firewall.adopt ?? [],
    clock,
    lockDirectory,
    write,
    identity: urls.map(({ host }) => host).join(' '),
    close: async () => {
      await Promise.all(talks.map(({ https }) => https.close()));
    },
  });
}
