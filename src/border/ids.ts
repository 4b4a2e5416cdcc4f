import { createHash } from 'node:crypto';
import { SallyportError } from '../base/error.ts';

/** Hex digits of an id: 48 bits, so that 2,000 classes collide once in 10⁸ worlds. A collision is detected, never lived with. */
const DIGITS = 12;

/**
 * Short stable names from what something is, e.g. `c-3f9a0c12d4e5`. The same signature gives the same name in every process; two
 * signatures with one name are an INTERNAL error instead of a wrong ruleset.
 */
export class Ids {
  /** The rest of the digest by name: signatures can be long, and many come and go. */
  readonly #rests = new Map<string, string>();

  of(prefix: string, signature: string): string {
    const digest = createHash('sha256').update(signature).digest('hex');
    const id = `${prefix}-${digest.slice(0, DIGITS)}`;
    const rest = digest.slice(DIGITS);
    const known = this.#rests.get(id);
    if (known === undefined) this.#rests.set(id, rest);
    else if (known !== rest) throw new SallyportError('INTERNAL', `two things have the name ${id}`, { signature });
    return id;
  }
}

/** One text from several that no other list of texts gives. */
export function signature(...parts: readonly (string | number | boolean)[]): string {
  return JSON.stringify(parts);
}
