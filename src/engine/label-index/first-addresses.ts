import { ADDRESS_BITS, formatAddress } from '../../ip/address.ts';
import type { Prefix } from '../../ip/prefix.ts';

/** An address at which an endpoint has its ports. */
export interface PortAddress {
  readonly text: string;
  /** The prefix of this address alone. */
  readonly host: Prefix;
}

/**
 * Endpoints that have ports and a prefix of more than one address. A named port is at the first address of each prefix, as Calico's index
 * has it, so several prefixes may bring one address, and who brings it is not known from the prefix alone. Pods and host endpoints have
 * single addresses and network sets no ports: mostly nobody is here.
 */
export class FirstAddresses {
  readonly #addresses = new Map<number, readonly PortAddress[]>();
  readonly #bringers = new Map<string, Set<number>>();

  /** Each address at which the endpoint has ports, once; `undefined` for an endpoint of single addresses, or without ports. */
  of(endpoint: number): readonly PortAddress[] | undefined {
    return this.#addresses.get(endpoint);
  }

  /** Endpoints of this kind that have ports at an address. */
  bringersOf(address: string): Iterable<number> {
    return this.#bringers.get(address) ?? NOBODY;
  }

  set(endpoint: number, nets: readonly Prefix[], hasPorts: boolean): void {
    for (const { text } of this.#addresses.get(endpoint) ?? NOWHERE) {
      const bringers = this.#bringers.get(text);
      bringers?.delete(endpoint);
      if (bringers?.size === 0) this.#bringers.delete(text);
    }
    this.#addresses.delete(endpoint);
    if (!hasPorts || nets.every(isHost)) return;
    const addresses = new Map<string, PortAddress>();
    for (const { family, address } of nets) {
      const text = formatAddress(address);
      addresses.set(text, { text, host: { family, address, length: ADDRESS_BITS[family] } as Prefix });
    }
    this.#addresses.set(endpoint, [...addresses.values()]);
    for (const text of addresses.keys()) {
      const bringers = this.#bringers.get(text);
      if (bringers === undefined) this.#bringers.set(text, new Set([endpoint]));
      else bringers.add(endpoint);
    }
  }
}

/** Whether a prefix holds one address. */
export function isHost({ family, length }: Prefix): boolean {
  return length === ADDRESS_BITS[family];
}

const NOBODY: readonly number[] = [];
const NOWHERE: readonly PortAddress[] = [];
