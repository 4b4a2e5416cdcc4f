import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import { SallyportError } from '../../base/error.ts';

/** A text that may change while we run: in a file that somebody replaces. */
export type SecretText = () => Promise<string>;

/** Who fetches lists, and how it is known. */
export interface FeedConsumer {
  readonly name: string;
  /** The BorderFirewall whose lists it gets, and no others. */
  readonly firewall: string;
  readonly auth:
    | { readonly kind: 'Basic'; readonly username: SecretText; readonly password: SecretText }
    | { readonly kind: 'Bearer'; readonly token: SecretText }
    /** A client certificate of the authority that feeds name, with this common name or DNS name. */
    | { readonly kind: 'Certificate'; readonly subject: string };
}

/**
 * Who asks. `undefined`: nobody that is known. Rejects where it may be one whose secret cannot be read: whoever is turned away for that would take its
 * lists for empty (PAN-OS stops enforcing a list whose server refuses its credentials). And where it is several, of different firewalls: lists of another
 * one would be worse than none. All are asked, so that the time says nothing of who comes first. `now`: the time for certificates, in milliseconds since the
 * epoch; absent: those that the connection showed are not believed any more.
 */
export async function consumerOf(
  consumers: readonly FeedConsumer[],
  { headers: { authorization }, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  now: number | undefined,
): Promise<FeedConsumer | undefined> {
  const [scheme = '', shown = ''] = (authorization ?? '').split(/ +/, 2);
  const subjects = now === undefined ? NOBODY : subjectsOf(socket, now);
  const found: FeedConsumer[] = [];
  const failed: unknown[] = [];
  for (const consumer of consumers)
    try {
      if (await isIt(consumer, scheme.toLowerCase(), shown, subjects)) found.push(consumer);
    } catch (thrown) {
      failed.push(thrown);
    }
  const [first] = found;
  if (first === undefined && failed.length > 0) throw failed[0];
  const other = found.find(({ firewall }) => firewall !== first?.firewall);
  if (first === undefined || other === undefined) return first;
  throw new SallyportError(
    'CONFIG_VALUE',
    `the feed consumers "${first.name}" and "${other.name}" show the same credentials and are of different firewalls: neither gets lists`,
  );
}

async function isIt(
  { auth }: FeedConsumer,
  scheme: string,
  shown: string,
  subjects: ReadonlySet<string>,
): Promise<boolean> {
  switch (auth.kind) {
    case 'Basic': {
      if (scheme !== 'basic') return false;
      const [username, password] = [await auth.username(), await auth.password()];
      return isSame(shown, Buffer.from(`${username}:${password}`).toString('base64')) && password !== '';
    }
    case 'Bearer':
      return scheme === 'bearer' && isSame(shown, await auth.token());
    case 'Certificate':
      return subjects.has(auth.subject);
  }
}

/** In a time that says nothing of where they differ, nor of their lengths. An empty secret opens nothing. */
function isSame(shown: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(shown), digest(wanted)) && wanted !== '';
}

const NOBODY: ReadonlySet<string> = new Set();

function subjectsOf(socket: IncomingMessage['socket'], now: number): ReadonlySet<string> {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return NOBODY;
  // A session that was taken up again shows the certificate of its first handshake, and a connection may stand for longer than it lasts.
  const certificate = socket.getPeerCertificate() as Partial<PeerCertificate>;
  if (!(now <= Date.parse(certificate.valid_to ?? ''))) return NOBODY;
  const common: unknown = certificate.subject?.CN;
  const names = [...(certificate.subjectaltname ?? '').matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name]) => name ?? '');
  return new Set([...(typeof common === 'string' ? [common] : []), ...names]);
}
