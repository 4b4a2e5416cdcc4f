import { Buffer } from 'node:buffer';
import { encodeForDevice, shortHash } from '../../../base/encode.ts';
import { SallyportError } from '../../../base/error.ts';
import type { Origin } from '../../../border/ruleset.ts';

/** Longest comment we write; the kernel takes 128 bytes with the closing zero. */
export const COMMENT_LIMIT = 120;
const SAFE = /^[A-Za-z0-9 ._:/=@+-]*$/;
/** Room for `:` and the number of a rule. */
const POLICY_LIMIT = 104;

/** Whether nft gives this text back as it was, and none of it can end the quotation or start a variable. */
export function isSafeText(text: string): boolean {
  return text.length <= COMMENT_LIMIT && SAFE.test(text);
}

/** The only way text gets between quotation marks. Callers encode first; text that is still unsafe is a mistake of ours. */
export function quoted(text: string): string {
  if (!isSafeText(text)) throw new SallyportError('INTERNAL', `unsafe text for nft: ${JSON.stringify(text)}`);
  return `"${text}"`;
}

/** `ClusterBorderPolicy/bank:0`, `tier/default`: an origin as comments and log prefixes carry it. */
export function originTag(origin: Origin): string {
  const policy = encodeForDevice(origin.policy, POLICY_LIMIT);
  return origin.rule === undefined ? policy : `${policy}:${origin.rule}`;
}

/** The origin behind a tag; `policy` is the encoded text where the original did not fit or was not safe. */
export function parseOriginTag(tag: string): Origin {
  const match = /^(.*):(\d{1,9})$/.exec(tag);
  return match?.[1] === undefined ? { policy: tag } : { policy: match[1], rule: Number(match[2]) };
}

/** Begins the log prefix of a denied packet; the origin tag follows. */
export const DROP_PREFIX = 'sp:';
/** Begins the log prefix of a packet that a Log rule noted, whatever became of it later. */
export const NOTE_PREFIX = 'sl:';

/**
 * Text of a user in a comment, to be read back as it was: unsafe bytes, `=` among them, as `=XX` of their UTF-8. What does not fit
 * is cut and ends in `=-` and a hash.
 */
export function userText(text: string, limit: number): string {
  const encode = (part: string): string =>
    [...Buffer.from(part)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  const all = text.replace(/[^A-Za-z0-9 ._:/@+-]+/g, encode);
  return all.length <= limit ? all : `${all.slice(0, limit - 10).replace(/=[0-9A-F]?$/, '')}=-${shortHash(text)}`;
}

/** The text of `userText`; `undefined` where it was cut. */
export function parseUserText(encoded: string): string | undefined {
  if (/=-[0-9a-f]{8}$/.test(encoded)) return undefined;
  return decodeURIComponent(encoded.replaceAll('%', '%25').replaceAll('=', '%'));
}
