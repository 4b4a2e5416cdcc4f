import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { shortHash } from '../base/encode.ts';
import { SallyportError, localFiles } from '../base/error.ts';
import { childEnvironment, startChild } from './nftables/reach/child.ts';

/** The right to write to a device, among the processes of this machine. */
export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes the lock of a device (`identity`: what makes it one, not how it is written). Rejects with DEVICE_LOCKED while somebody has it,
 * this process included. A small child holds it by flock(2), which the kernel gives up the moment the holder is gone, however it went:
 * files with process ids leave a moment in which two find the same dead owner. The lock keeps honest copies apart; what keeps a late
 * write out is the device's own fence, where it has one.
 */
export async function takeLock(directory: string, identity: string): Promise<Lock> {
  await localFiles(mkdir(directory, { recursive: true, mode: 0o700 }));
  const path = pathOf(directory, identity);
  // The child ends when its input does: also when we are killed.
  const holder = startChild(
    'flock',
    ['--nonblock', '--no-fork', path, 'sh', '-c', 'echo held; exec cat >/dev/null'],
    childEnvironment,
  );
  let words = '';
  holder.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString('utf8');
  });
  const held = await new Promise<boolean>((resolve) => {
    holder.stdout.once('data', () => resolve(true));
    holder.onEnd(() => resolve(false));
  });
  if (held) {
    // For people and for the message below; the lock itself does not depend on it.
    await writeFile(path, `${process.pid}\n`).catch(() => undefined);
    return {
      async release() {
        holder.stdin.end();
        await holder.ended;
      },
    };
  }
  if (words !== '') throw new SallyportError('PROGRAM_MISSING', `cannot lock ${identity}: ${words.trim()}`);
  throw new SallyportError('DEVICE_LOCKED', `${identity} is kept by process ${await ownerIn(path)}`);
}

/**
 * The processes that have the lock of a device, one at most; `undefined`: this system does not tell. The lock is not touched, because
 * whoever wants it in that moment would be refused.
 * @see https://man7.org/linux/man-pages/man5/proc_locks.5.html
 */
export async function lockOwners(directory: string, identity: string): Promise<readonly string[] | undefined> {
  const path = pathOf(directory, identity);
  const [file, locks] = await Promise.all([
    stat(path).catch(() => undefined),
    readFile('/proc/locks', 'utf8').catch(() => undefined),
  ]);
  if (locks === undefined) return undefined;
  if (file === undefined) return [];
  const isHeld = locks.split('\n').some((line) => /\bFLOCK\b/.test(line) && line.includes(`:${file.ino} `));
  return isHeld ? [await ownerIn(path)] : [];
}

function pathOf(directory: string, identity: string): string {
  return join(directory, `${shortHash(identity)}.lock`);
}

/** As its owner wrote it there. */
async function ownerIn(path: string): Promise<string> {
  const owner = (await readFile(path, 'utf8').catch(() => '')).trim();
  return owner === '' ? 'unknown' : owner;
}

/** The lock of one device as its driver uses it: taken before the first write, and kept until the driver closes. */
export class MachineLock {
  readonly #directory: string | undefined;
  readonly #identity: string;
  #lock: Promise<Lock> | undefined;
  #isTaken = false;

  /** `directory`: where lock files lie; absent: somebody else sees to it that one process writes. */
  constructor(directory: string | undefined, identity: string) {
    this.#directory = directory;
    this.#identity = identity;
  }

  /** Nobody else may write: it was taken and not given back, or somebody else sees to it. */
  get isTaken(): boolean {
    return this.#directory === undefined || this.#isTaken;
  }

  /** Rejects with DEVICE_LOCKED while somebody else has it. */
  async take(): Promise<void> {
    if (this.#directory === undefined) return;
    this.#lock ??= takeLock(this.#directory, this.#identity);
    try {
      await this.#lock;
      this.#isTaken = true;
    } catch (error) {
      this.#lock = undefined;
      throw error;
    }
  }

  /** `lockOwners`. */
  async owners(): Promise<readonly string[] | undefined> {
    return this.#directory === undefined ? undefined : await lockOwners(this.#directory, this.#identity);
  }

  async release(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    this.#isTaken = false;
    await (await lock)?.release();
  }
}
