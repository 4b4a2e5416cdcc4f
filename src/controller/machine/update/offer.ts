import type { KeyObject } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { localFiles, SallyportError } from '../../../base/error.ts';
import type { Wanted } from '../../../machine/kinds/artefact.ts';
import type { Fetching } from './fetching.ts';
import { isSigned } from './signature.ts';

/** What stands at an address: a program of this version, with this SHA-256 (hex), signed if a key is asked for. */
export interface Offer {
  readonly url: string;
  readonly version: string;
  readonly sha256: string;
}

/** What the version of a program is called where nobody gave one. */
export const UNNAMED = 'unnamed';

/** Reads the checksum that stands beside a program: the first word of `URL.sha256`, as today's controller reads it. */
export async function readOffer(fetching: Fetching, { url, version }: Wanted, signal: AbortSignal): Promise<Offer> {
  const said = (await fetching.text(`${url}.sha256`, signal)).trim().split(/\s/)[0]?.toLowerCase() ?? '';
  if (!/^[0-9a-f]{64}$/.test(said)) throw new SallyportError('UPDATE_REFUSED', `${url}.sha256 holds no SHA-256`);
  return { url, version: version ?? UNNAMED, sha256: said };
}

/**
 * Checks `URL.sig`, `VERSION SIGNATURE`: a signature of the key over name, version and checksum. A version that is signed and not the one that is
 * asked for is refused, or whoever holds the place could bring back an old program. Throws UPDATE_REFUSED.
 */
export async function checkSignature(
  fetching: Fetching,
  offer: Offer,
  artefact: string,
  key: KeyObject,
  signal: AbortSignal,
): Promise<void> {
  const [signed = '', signature = ''] = (await fetching.text(`${offer.url}.sig`, signal)).trim().split(/\s+/);
  if (offer.version !== UNNAMED && plainVersion(signed) !== plainVersion(offer.version))
    throw new SallyportError(
      'UPDATE_REFUSED',
      `${offer.url} is signed as version ${signed}, and ${offer.version} is asked for`,
    );
  if (!isSigned(signature, { artefact, version: signed, sha256: offer.sha256 }, key))
    throw new SallyportError(
      'UPDATE_REFUSED',
      `${offer.url}.sig is no signature of the configured key over ${artefact} ${signed} with this checksum`,
    );
}

/** Fetches what is offered into a new file that may be started. Throws UPDATE_REFUSED where it is something else. Leaves nothing when it rejects. */
export async function fetchOffered(fetching: Fetching, offer: Offer, file: string, signal: AbortSignal): Promise<void> {
  const found = await fetching.file(offer.url, file, signal);
  try {
    if (found !== offer.sha256)
      throw new SallyportError(
        'UPDATE_REFUSED',
        `${offer.url} has the SHA-256 ${found}, and ${offer.sha256} is said to be its`,
      );
    await localFiles(chmod(file, 0o755));
  } catch (thrown) {
    await rm(file, { force: true });
    throw thrown;
  }
}

/** Whether two words name one version; `v` before the number says nothing. */
export function plainVersion(version: string): string {
  return version.replace(/^v(?=\d)/, '');
}
