import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { SallyportError } from '../../../base/error.ts';

/** What a signature speaks of. The version is part of it: an older program, signed in its time, is not taken for the one that is asked for. */
export interface SignedArtefact {
  /** The name of the program. */
  readonly artefact: string;
  readonly version: string;
  /** Of the file, in hex. */
  readonly sha256: string;
}

/** The words that are signed, so that a signature that was made for something else does not hold here. */
export function signedText({ artefact, version, sha256 }: SignedArtefact): string {
  return `sallyport-update ${artefact} ${version} sha256:${sha256}\n`;
}

/** An Ed25519 public key as PEM. Throws UPDATE_KEY. */
export function readUpdateKey(text: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(text);
  } catch {
    throw new SallyportError('UPDATE_KEY', 'this is no public key as PEM');
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new SallyportError('UPDATE_KEY', `this is a key of type ${key.asymmetricKeyType}, and has to be Ed25519`);
  return key;
}

/** Whether a signature (base64) is one of `key` over the artefact. */
export function isSigned(signature: string, artefact: SignedArtefact, key: KeyObject): boolean {
  if (!/^[A-Za-z0-9+/]{86}==\s*$/.test(signature)) return false;
  return verify(null, Buffer.from(signedText(artefact)), key, Buffer.from(signature.trim(), 'base64'));
}
