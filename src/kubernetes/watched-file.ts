import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';

/** How often a file is looked at, at most; and after which time it is read though it looks the same. */
const LOOK_MS = 1_000;
const READ_MS = 60_000;

/** A small file whose text is asked for again and again, and which somebody else replaces: a token, a certificate. */
export class WatchedFile {
  readonly path: string;
  readonly #clock: Clock;
  #text: string | undefined;
  #signature = '';
  #lookedAt = 0;
  #readAt = 0;

  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
  }

  /**
   * Its text; read again when the file has changed, and at least once a minute. While it cannot be read, the text it had last is given: it is
   * gone for a moment while it is replaced. `isFresh`: read now, and throws what the file system says.
   */
  async text(isFresh = false): Promise<string> {
    const now = this.#clock.monotonic();
    if (this.#text !== undefined && !isFresh) {
      if (now - this.#lookedAt < LOOK_MS) return this.#text;
      this.#lookedAt = now;
    }
    try {
      const signature = await signatureOf(this.path);
      if (this.#text === undefined || isFresh || signature !== this.#signature || now - this.#readAt >= READ_MS) {
        this.#text = await readFile(this.path, 'utf8');
        this.#signature = signature;
        this.#lookedAt = now;
        this.#readAt = now;
      }
      return this.#text;
    } catch (thrown) {
      if (this.#text === undefined || isFresh) throw thrown;
      return this.#text;
    }
  }
}

async function signatureOf(path: string): Promise<string> {
  const { ino, size, mtimeMs } = await stat(path);
  return `${ino} ${size} ${mtimeMs}`;
}
