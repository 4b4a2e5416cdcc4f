import { createHash } from 'node:crypto';
import type { Family } from '../../border/ruleset.ts';

/** One list as it is published: the addresses of one AddressGroup at one firewall. Immutable. */
export interface FeedList {
  /** As the user wrote it; part of its URL. */
  readonly name: string;
  /** `AddressGroup/payments`. */
  readonly resource: string;
  readonly use: 'Allow' | 'Deny';
  /** Canonical texts in order of their numbers. */
  readonly addresses: Readonly<Record<Family, readonly string[]>>;
}

/** Texts of lists of addresses that were made already: they stand on disk, are given out and compared. */
const made = new WeakMap<readonly string[], string>();

/**
 * Addresses that nobody has (RFC 5737, 3849): they stand in a list for a family of which nobody is in it, for whoever would go on with what it
 * had rather than take a list without entries.
 */
export const NOBODY: Readonly<Record<Family, string>> = { 4: '192.0.2.1', 6: '2001:db8::1' };

/** The same list, and `NOBODY` in it for each of these families of which it has nobody. */
export function filledList(list: FeedList, families: readonly Family[] = [4, 6]): FeedList {
  const filled = families.filter((family) => list.addresses[family].length === 0);
  if (filled.length === 0) return list;
  return {
    ...list,
    addresses: { ...list.addresses, ...Object.fromEntries(filled.map((one) => [one, [NOBODY[one]]])) },
  };
}

/** One address a line, IPv4 first; every line ends. What all that fetch plain lists can read: no comment, no empty line. */
export function listText({ addresses }: Pick<FeedList, 'addresses'>, families: readonly Family[] = [4, 6]): string {
  return families.map((family) => linesOf(addresses[family])).join('');
}

function linesOf(addresses: readonly string[]): string {
  const known = made.get(addresses) ?? (addresses.length === 0 ? '' : `${addresses.join('\n')}\n`);
  made.set(addresses, known);
  return known;
}

/**
 * The name of a list's content, or of what it has of one family: equal for equal contents, whenever and by whom it was made. 64 hexadecimal
 * digits.
 */
export function listVersion(list: FeedList, families?: readonly Family[]): string {
  return createHash('sha256').update(listText(list, families)).digest('hex');
}

/**
 * The id of a group in Check Point's generic data centre, which has to be a UUID that stays: by name, from owner and list
 * (RFC 9562, 5.8: version 8, of SHA-256).
 */
export function listUuid(cluster: string, firewall: string, name: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(['sallyport', cluster, firewall, name]))
    .digest();
  const bytes = hash.subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
