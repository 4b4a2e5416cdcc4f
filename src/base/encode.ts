import { createHash } from 'node:crypto';

const UNSAFE = /[^A-Za-z0-9._/-]/g;

/** First 8 hex digits of SHA-256; tells texts apart that were cut or replaced. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/**
 * Text that a user can choose, made harmless for any device's text: `[A-Za-z0-9._/-]` is kept, each other character becomes `_`.
 * When anything was replaced, or the text is longer than `limit` characters, the result ends in `-` and an 8-digit hash of the whole
 * original, so that different texts stay different. `limit` must be at least 10.
 */
export function encodeForDevice(text: string, limit: number): string {
  const safe = text.replace(UNSAFE, '_');
  if (safe === text && text.length <= limit) return text;
  return `${safe.slice(0, limit - 9)}-${shortHash(text)}`;
}
