import { formatAddress } from '../../ip/address.ts';
import { type Prefix, formatPrefix } from '../../ip/prefix.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';

/** `10.0.0.0/8, 192.0.2.1-192.0.2.6`: neighbours merged; a range that is a prefix as one. */
export function rangesText(nets: PrefixSet): string {
  const texts = ([4, 6] as const).flatMap((family) =>
    nets.ranges(family).map(([first, last]) => {
      const only = PrefixSet.range(first, last).prefixes();
      const [prefix] = only;
      return only.length === 1 && prefix !== undefined
        ? formatPrefix(prefix)
        : `${formatAddress(first)}-${formatAddress(last)}`;
    }),
  );
  return texts.join(',');
}

/** The message of the event ForbiddenCIDR (reference 3.3). */
export function forbidden(prefix: Prefix, allowed: PrefixSet): string {
  return `address "${formatPrefix(prefix)}" is outside of the allowed network range "${rangesText(allowed)}", ignoring`;
}

/** `true` if the whole prefix is allowed. */
export function isAllowed(prefix: Prefix, allowed: PrefixSet): boolean {
  return allowed.covers(PrefixSet.of([prefix]));
}
