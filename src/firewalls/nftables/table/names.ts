import { createHash } from 'node:crypto';
import type { Family } from '../../../border/ruleset.ts';

/** What every name we make must look like (nftables reference, section 9): no keyword of nft has this form. */
export const NAME = /^[a-z][a-z0-9]{0,3}_[a-z0-9_]{1,200}$/;

/** Names of our own that are not made from anything; none is a keyword of nft. */
export const FORWARD = 'forward';
export const POSTROUTING = 'postrouting';
export const ESTABLISHED = 'established';
export const DEAD = 'dead';
export const DENIED = 'denied';
/** Small unreferenced set whose comment tells owner, format and content. */
export const OWNER_SET = 'm_owner';
/** Numbers of past transactions: who creates one first has written, everybody else is refused. */
export const FENCE_SET = 'm_rev';

const PER_FAMILY = [
  'destinations',
  'inside',
  'networks',
  'whole',
  'recheck',
  'gone',
  'by_source',
  'class_of',
  'class',
  'governed',
  'hold',
  'translate',
] as const;

export type FamilyObject = (typeof PER_FAMILY)[number];

/** `gone4`, `by_source6` … */
export function familyName(object: FamilyObject, family: Family): string {
  return `${object}${family}`;
}

const FIXED: ReadonlySet<string> = new Set([
  FORWARD,
  POSTROUTING,
  ESTABLISHED,
  DEAD,
  DENIED,
  ...PER_FAMILY.flatMap((object) => [familyName(object, 4), familyName(object, 6)]),
]);

/** Whether nft takes this as the name of one of our objects, whatever it was made from. */
export function isOurName(name: string): boolean {
  return FIXED.has(name) || NAME.test(name);
}

/** The set that stands in for another one while that is made anew. */
export function asideName(set: string): string {
  return madeName('y', '', set);
}

/** The chain that decides for a class; dispatch maps lead to no other. */
export function classChainName(id: string, family: Family): string {
  return madeName(`c${family}`, '', id);
}

export function isClassChain(name: string): boolean {
  return name.startsWith('c4_') || name.startsWith('c6_');
}

/** First 16 hex digits of SHA-256: 64 bits, so that nobody finds two texts of one name. */
export function contentHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Lower case, everything but letters and digits one `_`; for readers only, the hash beside it makes names different. */
function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 40);
}

/** A name that tells people what it is and differs whenever `identity` does. `prefix` has at most four letters and digits. */
export function madeName(prefix: string, readable: string, identity: string): string {
  const words = slug(readable);
  return words === '' ? `${prefix}_${contentHash(identity)}` : `${prefix}_${words}_${contentHash(identity)}`;
}

const PLAIN_GROUP = /^[a-z0-9_]{1,150}$/;
const LOOKS_HASHED = /_[0-9a-f]{16}$/;

/**
 * The set of an AddressGroup: the name on the device as it stands where nft can take it (`g4_payments`), else with a hash. A name
 * that already looks hashed is hashed again, so that nobody can choose the name another one was given.
 */
export function groupSetName(deviceName: string, family: Family): string {
  if (PLAIN_GROUP.test(deviceName) && !LOOKS_HASHED.test(deviceName)) return `g${family}_${deviceName}`;
  return madeName(`g${family}`, deviceName, deviceName);
}
