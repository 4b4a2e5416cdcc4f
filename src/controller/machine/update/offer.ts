import type { KeyObject } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { localFiles, SallyportError } from '../../../base/error.ts';
import type { Wanted } from '../../../machine/kinds/artefact.ts';
import type { Fetching } from './fetching.ts';
import { isSigned } from './signature.ts';
import { isSameVersion, mayBeOlder } from './version-order.ts';

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

/** What a signature has to speak of. */
export interface SignedBy {
  readonly key: KeyObject;
  /** The name of the program. */
  readonly artefact: string;
  /** The version that is there. */
  readonly installed: string;
}

/**
 * Checks `URL.sig`, `VERSION SIGNATURE`: a signature of the key over name, version and checksum. A version that is signed and not the one that is
 * asked for is refused, and where none is asked for one that may be older than what is there, or whoever holds the place could bring back an old
 * program, with the faults that it had. Gives the offer under the version that is signed. Throws UPDATE_REFUSED.
 */
export async function checkSignature(
  fetching: Fetching,
  offer: Offer,
  { key, artefact, installed }: SignedBy,
  signal: AbortSignal,
): Promise<Offer> {
  const [signed = '', signature = ''] = (await fetching.text(`${offer.url}.sig`, signal)).trim().split(/\s+/);
  if (offer.version !== UNNAMED && !isSameVersion(signed, offer.version))
    throw new SallyportError(
      'UPDATE_REFUSED',
      `${offer.url} is signed as version ${signed}, and ${offer.version} is asked for`,
    );
  if (!isSigned(signature, { artefact, version: signed, sha256: offer.sha256 }, key))
    throw new SallyportError(
      'UPDATE_REFUSED',
      `${offer.url}.sig is no signature of the configured key over ${artefact} ${signed} with this checksum`,
    );
  if (offer.version === UNNAMED && mayBeOlder(signed, installed))
    throw new SallyportError(
      'UPDATE_REFUSED',
      `${offer.url} is signed as version ${signed}, which is not known to be as new as ${installed}, which is there; to go back, ask for it by its version`,
    );
  return { ...offer, version: signed };
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
