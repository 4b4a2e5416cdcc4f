import type { Server } from 'node:https';
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

/** Gives a server what the files hold, now and whenever they change. `title`: the key of the configuration. Throws `TLS_FILES`. */
export async function renewedTls(
  server: Server,
  { cert, key, clientCA }: TlsFiles,
  title: string,
  log: Log,
  clock: Clock = systemClock,
): Promise<void> {
  const files = {
    cert: new WatchedFile(cert, clock),
    key: new WatchedFile(key, clock),
    ...(clientCA === undefined ? {} : { ca: new WatchedFile(clientCA, clock) }),
  };
  let given = await renew(server, files, '');
  let lookedAt = clock.monotonic();
  let isRenewing = false;
  server.on('connection', () => {
    // Once a second: to compare what the files hold is a part of what a handshake costs.
    if (isRenewing || clock.monotonic() - lookedAt < LOOK_MS) return;
    lookedAt = clock.monotonic();
    isRenewing = true;
    // A pair that is half replaced, or broken, changes nothing: the one before goes on.
    renew(server, files, given)
      .then((now) => {
        given = now;
      })
      .catch((thrown: unknown) => log.warn({ error: String(thrown) }, `the TLS files of ${title} cannot be used`))
      .finally(() => {
        isRenewing = false;
      });
  });
}

/** Gives the next handshakes what the files hold now, unless that is what they were given; what that is. */
async function renew(server: Server, files: Readonly<Record<string, WatchedFile>>, given: string): Promise<string> {
  try {
    const texts = await Promise.all(
      Object.entries(files).map(async ([name, file]) => [name, await file.text()] as const),
    );
    const now = JSON.stringify(texts);
    if (now !== given) server.setSecureContext(Object.fromEntries(texts));
    return now;
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message : String(thrown);
    const paths = Object.values(files).map(({ path }) => path);
    throw new SallyportError('TLS_FILES', `${paths.join(' and ')}: ${said}`, {}, thrown);
  }
}
