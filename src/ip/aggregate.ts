import { PrefixSet } from './prefix-set.ts';

/**
 * The fewest prefixes that hold exactly these addresses: unique, sorted (IPv4 first), canonical. Takes prefixes and addresses.
 * @example aggregate(['10.0.0.0/25', '10.0.0.128/25', '10.0.0.7']); // ['10.0.0.0/24']
 * @throws SallyportError PREFIX_INVALID for a text that is neither, or that has bits set after its length.
 */
export function aggregate(nets: readonly string[]): string[] {
  return PrefixSet.parse(nets).toStrings();
}

/**
 * What of `nets` is not in `except`, as the fewest prefixes.
 * @example subtract(['10.0.0.0/30'], ['10.0.0.0/32']); // ['10.0.0.1/32', '10.0.0.2/31']
 * @throws SallyportError PREFIX_INVALID as `aggregate` does.
 */
export function subtract(nets: readonly string[], except: readonly string[]): string[] {
  return PrefixSet.parse(nets).subtract(PrefixSet.parse(except)).toStrings();
}
