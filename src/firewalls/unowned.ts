import type { Diagnostic } from '../base/diagnostic.ts';
import type { Nat, NatTarget } from '../border/ruleset.ts';
import { parseAddress } from '../ip/address.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';

/**
 * Which addresses a device may translate to (design 8.9): answers to any other would never come back to it, and somebody else may have
 * it. `owns` undefined: the device does not tell, and everything is believed.
 */
export class Ownership {
  readonly owns: PrefixSet | undefined;
  readonly #known = new Map<string, boolean>();

  constructor(owns: PrefixSet | undefined) {
    this.owns = owns;
  }

  /** The address of a target that the device does not own; else nothing. */
  unowned(target: NatTarget): string | undefined {
    if (target.kind !== 'Address' || this.owns === undefined) return undefined;
    let owned = this.#known.get(target.address);
    if (owned === undefined) {
      const address = parseAddress(target.address);
      owned = address !== undefined && this.owns.contains(address);
      this.#known.set(target.address, owned);
    }
    return owned ? undefined : target.address;
  }

  /** Whether another answer would be the same for every address. */
  equals(other: Ownership): boolean {
    if (this.owns === undefined || other.owns === undefined) return this.owns === other.owns;
    return this.owns.equals(other.owns);
  }
}

/** The refusal of a translation to addresses that the device does not own; its flows are held. */
export function unownedRefusal(nat: Nat, addresses: Iterable<string>, device: string): Diagnostic {
  const list = [...new Set(addresses)].toSorted();
  return {
    severity: 'error',
    code: 'TRANSLATION_NOT_OWNED',
    object: nat.origin.policy,
    path: 'spec.translate',
    message:
      `${device} neither has nor announces ${list.join(', ')}; flows that would be translated to it are dropped. ` +
      'Add it to an interface, or a blackhole route for it, or translate to another address',
  };
}
