import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
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

/** How often secrets are read, at most: what is read lies in files that seldom change. */
const READ_MS = 1_000;

type Known = ReadonlyMap<string, readonly FeedConsumer[]>;

/** What is believed of whom by now. */
interface Believed {
  /** By what identifies what is shown. */
  readonly known: Known;
  /** Schemes of which a secret cannot be read, and why. */
  readonly unread: ReadonlyMap<string, unknown>;
}

/**
 * Who asks, among those that are known. What is shown is looked up by its hash, however many they are: whoever is nobody costs no more than
 * whoever is somebody, and the time says nothing of how far a guess is from the truth.
 */
export class Consumers {
  readonly #consumers: readonly FeedConsumer[];
  readonly #clock: Clock;
  readonly #subjects: Known;
  #believed: Promise<Believed> | undefined;
  /** Absent while they are read. */
  #readAt: number | undefined;

  constructor(consumers: readonly FeedConsumer[], clock: Clock) {
    this.#consumers = consumers;
    this.#clock = clock;
    this.#subjects = grouped(
      consumers.flatMap((one) => (one.auth.kind === 'Certificate' ? [[one.auth.subject, one] as const] : [])),
    );
  }

  /**
   * `undefined`: nobody that is known. Rejects where it may be one whose secret cannot be read: whoever is turned away for that would take its
   * lists for empty (PAN-OS stops enforcing a list whose server refuses its credentials). And where it is several, of different firewalls: lists of another
   * one would be worse than none. `believesCertificates`: the connection's client was judged by the authorities of now.
   */
  async whoAsks(
    { headers: { authorization }, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
    believesCertificates: boolean,
  ): Promise<FeedConsumer | undefined> {
    const { known, unread } = await this.#read();
    const [written = '', shown = ''] = (authorization ?? '').split(/ +/, 2);
    const scheme = written.toLowerCase();
    const subjects = believesCertificates ? subjectsOf(socket, this.#clock.wall()) : [];
    const found = [
      ...(known.get(identity(scheme, shown)) ?? []),
      ...subjects.flatMap((subject) => this.#subjects.get(subject) ?? []),
    ];
    const [first] = found;
    if (first === undefined && unread.has(scheme)) throw unread.get(scheme);
    const other = found.find(({ firewall }) => firewall !== first?.firewall);
    if (first === undefined || other === undefined) return first;
    throw new SallyportError(
      'CONFIG_VALUE',
      `the feed consumers "${first.name}" and "${other.name}" show the same credentials and are of different firewalls: neither gets lists. Give each its own`,
    );
  }

  #read(): Promise<Believed> {
    const isOld = this.#readAt !== undefined && this.#clock.monotonic() - this.#readAt >= READ_MS;
    if (this.#believed === undefined || isOld) {
      this.#readAt = undefined;
      this.#believed = readSecrets(this.#consumers).then((believed) => {
        this.#readAt = this.#clock.monotonic();
        return believed;
      });
    }
    return this.#believed;
  }
}

/** Never rejects. An empty secret opens nothing. */
async function readSecrets(consumers: readonly FeedConsumer[]): Promise<Believed> {
  const unread = new Map<string, unknown>();
  const known = await Promise.all(
    consumers.map(async (consumer): Promise<readonly (readonly [string, FeedConsumer])[]> => {
      const { auth } = consumer;
      const scheme = auth.kind.toLowerCase();
      try {
        const shown = await shownFor(auth);
        return shown === undefined ? [] : [[identity(scheme, shown), consumer]];
      } catch (thrown) {
        unread.set(scheme, thrown);
        return [];
      }
    }),
  );
  return { known: grouped(known.flat()), unread };
}

/** What follows the scheme in the header of whoever knows it. */
async function shownFor(auth: FeedConsumer['auth']): Promise<string | undefined> {
  if (auth.kind === 'Certificate') return undefined;
  if (auth.kind === 'Bearer') return (await auth.token()) || undefined;
  const [username, password] = [await auth.username(), await auth.password()];
  return password === '' ? undefined : Buffer.from(`${username}:${password}`).toString('base64');
}

function identity(scheme: string, shown: string): string {
  return createHash('sha256').update(`${scheme} ${shown}`).digest('base64');
}

function grouped(entries: readonly (readonly [string, FeedConsumer])[]): Known {
  const groups = new Map<string, FeedConsumer[]>();
  for (const [key, consumer] of entries) groups.set(key, [...(groups.get(key) ?? []), consumer]);
  return groups;
}

function subjectsOf(socket: IncomingMessage['socket'], now: number): readonly string[] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return [];
  // A session that was taken up again shows the certificate of its first handshake, and a connection may stand for longer than it lasts.
  const certificate = socket.getPeerCertificate() as Partial<PeerCertificate>;
  if (!(now <= Date.parse(certificate.valid_to ?? ''))) return [];
  const common: unknown = certificate.subject?.CN;
  const names = [...(certificate.subjectaltname ?? '').matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name]) => name ?? '');
  return [...new Set([...(typeof common === 'string' ? [common] : []), ...names])];
}
