import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap } from '../../../api/shape.ts';
import type { Clock } from '../../../base/clock.ts';
import { localFiles, SallyportError } from '../../../base/error.ts';
import { formatAddress } from '../../../ip/address.ts';
import { resourcePath } from '../../../kubernetes/resource-path.ts';
import { readSecret } from '../../../kubernetes/secret.ts';
import { modeOf, readIfThere, replaceFile, replaceMounted } from '../rule-files.ts';
import type { ClusterAccess } from '../sources/cluster-source.ts';
import { droptailerAddress, hostAddress, withHost } from './droptailer-pods.ts';

/** Of the workload cluster, and of the machine's hosts file (reference 7.1). */
const PODS = { group: '', version: 'v1', plural: 'pods' };
const SECRET = 'droptailer-client';
const HOST = 'droptailer';
const FILES = ['ca.crt', 'tls.crt', 'tls.key'] as const;
/** Names that units of older images know. */
const LEGACY = { 'droptailer-client.crt': 'tls.crt', 'droptailer-client.key': 'tls.key' } as const;
/** Certificates are read by name alone, since Secrets may not be watched. */
const SECRET_MS = 60_000;
const HOSTS_MODE = 0o644;

export interface DroptailerPlaces {
  /** `/etc/droptailer-client` */
  readonly certificates: string;
  /** `/etc/hosts` */
  readonly hosts: string;
}

/**
 * Keeps what the droptailer needs of the workload cluster on this machine: its certificates, and where its server is. What cannot be had, or does not
 * fit together, leaves what was there.
 */
export class DroptailerAccess {
  readonly #places: DroptailerPlaces;
  readonly #clock: Clock;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(places: DroptailerPlaces, clock: Clock) {
    this.#places = places;
    this.#clock = clock;
  }

  /** Where the server is, into the hosts file. What was changed. Rejects with LOCAL_SYSTEM or the `API_…` codes. */
  async keepHost({ client, namespace }: ClusterAccess, signal: AbortSignal): Promise<readonly string[]> {
    const { hosts } = this.#places;
    const query = { labelSelector: `app=${HOST}`, limit: '100' };
    const answer = await client.call({ method: 'GET', path: resourcePath(PODS, { namespace }), query }, signal);
    const items: unknown = isMap(answer) ? answer['items'] : undefined;
    const text = (await readIfThere(hosts)) ?? '';
    const address = droptailerAddress(Array.isArray(items) ? items : [], hostAddress(text, HOST));
    if (address === undefined) return [];
    const wanted = withHost(text, HOST, formatAddress(address));
    if (wanted === text) return [];
    await replaceMounted(hosts, wanted, text === '' ? HOSTS_MODE : await modeOf(hosts));
    // A server that moved has often been given new certificates.
    this.#readAt = Number.NEGATIVE_INFINITY;
    return [hosts];
  }

  /** Certificates of both sides. What was changed. Rejects with DROPTAILER_ACCESS, LOCAL_SYSTEM or the `API_…` codes. */
  async keepCertificates({ client, namespace }: ClusterAccess, signal: AbortSignal): Promise<readonly string[]> {
    if (this.#clock.monotonic() - this.#readAt < SECRET_MS) return [];
    const { certificates } = this.#places;
    const data = await readSecret(client, { namespace, name: SECRET }, signal);
    const missing = FILES.filter((file) => !data.get(file));
    if (missing.length > 0) throw unusable(`Secret ${namespace}/${SECRET} has no ${missing.join(', ')}`);
    const text = (file: (typeof FILES)[number]): string => `${data.get(file) ?? ''}\n`;
    if (!areCertificates(text('ca.crt'), text('tls.crt'), text('tls.key')))
      throw unusable(`in Secret ${namespace}/${SECRET} certificate and key do not fit together`);
    await localFiles(mkdir(certificates, { recursive: true, mode: 0o700 }));
    const changed: string[] = [];
    for (const file of FILES) {
      const path = join(certificates, file);
      if ((await readIfThere(path)) === text(file)) continue;
      await replaceFile(path, text(file));
      changed.push(path);
    }
    for (const [name, target] of Object.entries(LEGACY)) await link(join(certificates, name), target);
    this.#readAt = this.#clock.monotonic();
    return changed;
  }
}

function areCertificates(authority: string, certificate: string, key: string): boolean {
  try {
    // Parsed for its own sake: a text that is no certificate would end every connection.
    void new X509Certificate(authority).subject;
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** A name that leads to another file of the same folder. */
async function link(path: string, target: string): Promise<void> {
  const there = await readlink(path).catch(() => undefined);
  if (there === target) return;
  const fresh = `${path}.new`;
  await localFiles(
    (async () => {
      await rm(fresh, { force: true });
      await symlink(target, fresh);
      await rename(fresh, path);
    })(),
  );
}

function unusable(what: string): SallyportError {
  return new SallyportError('DROPTAILER_ACCESS', what);
}
