import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Who may ask, with the secret of that user; what may be done rises from view to admin. */
export type User = 'Metal-View' | 'Metal-Edit' | 'Metal-Admin';

/** How old a request may be, in milliseconds (metal-stack reference, 12.1). */
const LIFETIME_MS: Readonly<Record<User, number>> = {
  'Metal-View': 30_000,
  'Metal-Edit': 30_000,
  'Metal-Admin': 90_000,
};

/** Who asks, or why he is not let in. */
export type Judged = { readonly user: User; readonly salt: string } | { readonly refused: string };

/**
 * Judges the signature of a request: HMAC-SHA256 over date, method and salt. Body, path and query are not part of it, and a salt may come
 * again within the lifetime, as with the real one; a date in the future is taken.
 */
export function judge(
  headers: IncomingHttpHeaders,
  method: string,
  secrets: Partial<Readonly<Record<User, string>>>,
  wall: number,
): Judged {
  const [type = '', hex = ''] = (headers.authorization ?? '').split(' ');
  if (type === '') return { refused: 'no auth found' };
  const secret = isUser(type) ? secrets[type] : undefined;
  if (!isUser(type) || secret === undefined) return { refused: `unknown user ${type}` };
  const date = one(headers['x-date']);
  const salt = one(headers['x-data-salt']);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(date)) return { refused: 'the date cannot be parsed' };
  if (wall - Date.parse(date) > LIFETIME_MS[type]) return { refused: 'the timestamp is too old' };
  const wanted = createHmac('sha256', secret).update(`${date}${method.toUpperCase()}${salt}`).digest();
  const given = Buffer.from(hex, 'hex');
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return { refused: 'wrong hmac' };
  return { user: type, salt };
}

function isUser(type: string): type is User {
  return type in LIFETIME_MS;
}

function one(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}
