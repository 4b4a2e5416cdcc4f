import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, systemClock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { WatchedFile } from '../kubernetes/watched-file.ts';

/** How often files are looked at, at most. */
const LOOK_MS = 1_000;

/** Paths of PEM files; they are read again when they change. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Whose client certificates are believed; absent: nobody's. */
  readonly clientCA?: string;
}

/** The TLS files of a server that runs. */
export interface RenewedTls {
  /** Resolves once they were looked at within the last second, and what had changed counts. */
  looked(): Promise<void>;
  /** A connection's client was judged by the authorities that are believed now. */
  isJudgedAnew(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): boolean;
}

/**
 * Gives a server what the files hold, now and whenever they change. `title`: the key of the configuration. Where other authorities of clients are believed,
 * standing connections end as they are done. Throws `TLS_FILES`.
 */
export async function renewedTls(
  server: Server,
  { cert, key, clientCA }: TlsFiles,
  title: string,
  log: Log,
  clock: Clock = systemClock,
): Promise<RenewedTls> {
  const files = {
    cert: new WatchedFile(cert, clock),
    key: new WatchedFile(key, clock),
    ...(clientCA === undefined ? {} : { ca: new WatchedFile(clientCA, clock) }),
  };
  let given = await renew(server, files, undefined);
  let lookedAt = clock.monotonic();
  let renewing: Promise<void> | undefined;
  /** By which authorities, counted, each connection was judged: those of the moment in which it came, and not of the end of its handshake. */
  const judgedBy = new Map<string, { readonly socket: Socket; readonly authorities: number }>();
  let authorities = 0;
  const look = async (): Promise<void> => {
    try {
      const now = await renew(server, files, given);
      if (now.ca !== given.ca) {
        authorities++;
        server.closeIdleConnections();
      }
      given = now;
    } catch (thrown) {
      // A pair that is half replaced, or broken, changes nothing: the one before goes on.
      log.warn({ error: String(thrown) }, `the TLS files of ${title} cannot be used`);
    }
    renewing = undefined;
  };
  const looked = (): Promise<void> => {
    // Once a second: to compare what the files hold is a part of what a handshake costs.
    if (renewing === undefined && clock.monotonic() - lookedAt >= LOOK_MS) {
      lookedAt = clock.monotonic();
      renewing = look();
    }
    return renewing ?? Promise.resolve();
  };
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    judgedBy.set(peer, { socket, authorities });
    socket.once('close', () => {
      if (judgedBy.get(peer)?.socket === socket) judgedBy.delete(peer);
    });
    void looked();
  });
  return { looked, isJudgedAnew: (socket) => judgedBy.get(peerOf(socket))?.authorities === authorities };
}

/** No two connections to one server come from the same port. */
function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}

type Texts = Readonly<Record<'cert' | 'key', string>> & { readonly ca?: string };

/** Gives the next handshakes what the files hold now, unless that is what they were given; what that is. */
async function renew(
  server: Server,
  files: Readonly<Record<string, WatchedFile>>,
  given: Texts | undefined,
): Promise<Texts> {
  try {
    const texts = await Promise.all(
      Object.entries(files).map(async ([name, file]) => [name, await file.text()] as const),
    );
    const now = Object.fromEntries(texts) as Texts;
    if (!isDeepStrictEqual(now, given)) server.setSecureContext(now);
    return now;
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message : String(thrown);
    const paths = Object.values(files).map(({ path }) => path);
    throw new SallyportError('TLS_FILES', `${paths.join(' and ')}: ${said}`, {}, thrown);
  }
}
