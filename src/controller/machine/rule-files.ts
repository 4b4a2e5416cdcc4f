import { randomBytes } from 'node:crypto';
import { chown, type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { localFiles } from '../../base/error.ts';

/** The text of a file; `undefined`: there is none. Throws LOCAL_SYSTEM for every other reason. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    return localFiles(Promise.reject(thrown instanceof Error ? thrown : new Error(String(thrown))));
  }
}

/** Whether a file holds this text, which is never put together. Throws LOCAL_SYSTEM where that cannot be told. */
export async function holdsText(path: string, parts: Iterable<string>): Promise<boolean> {
  return localFiles(
    (async () => {
      let file: FileHandle;
      try {
        file = await open(path, 'r');
      } catch (thrown) {
        if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return false;
        throw thrown;
      }
      try {
        for (const part of parts) {
          const wanted = Buffer.from(part);
          if (!wanted.equals(await readUpTo(file, wanted.length))) return false;
        }
        return (await readUpTo(file, 1)).length === 0;
      } finally {
        await file.close();
      }
    })(),
  );
}

async function readUpTo(file: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Whose a file is. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Puts a file in place whole: whoever reads, or starts the machine after the power went, finds the old text or the new one. The file on
 * the way has a name with a dot, which the start of the machine does not load (reference 1.1). `text`: whole, or part by part. `owner`: absent,
 * whoever runs this.
 */
export async function replaceFile(
  path: string,
  text: string | Iterable<string>,
  mode = 0o600,
  owner?: FileOwner,
): Promise<void> {
  const fresh = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  await localFiles(
    (async () => {
      try {
        const file = await open(fresh, 'wx', mode);
        try {
          for (const part of typeof text === 'string' ? [text] : text) await file.writeFile(part);
          await file.sync();
        } finally {
          await file.close();
        }
        if (owner !== undefined) await chown(fresh, owner.uid, owner.gid);
        await rename(fresh, path);
      } catch (thrown) {
        await rm(fresh, { force: true });
        // A name that differs each time would make every attempt another failure, to be told again.
        if (thrown instanceof Error) thrown.message = thrown.message.replaceAll(fresh, path);
        throw thrown;
      }
      const folder = await open(dirname(path), 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    })(),
  );
}

/** The same, or in place where that cannot be because something is mounted there, as the hosts file of a container is. */
export async function replaceMounted(path: string, text: string, mode: number): Promise<void> {
  try {
    await replaceFile(path, text, mode);
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.cause : undefined;
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EBUSY')) throw thrown;
    await localFiles(writeFile(path, text));
  }
}

/** The mode of a file that is there. */
export async function modeOf(path: string): Promise<number> {
  return (await localFiles(stat(path))).mode & 0o777;
}

const FORWARD =
  /(table inet metal \{[\s\S]*?chain forward \{\s*type filter hook forward priority [^;]+; policy )(accept|drop)(;)/;

/** The policy of the forward chain in a text of base rules; `undefined`: there is no such chain. */
export function basePolicyOf(text: string): string | undefined {
  return FORWARD.exec(text)?.[2];
}

/** The base rules with another policy, all else as it stands. */
export function withBasePolicy(text: string, policy: 'accept' | 'drop'): string {
  return text.replace(FORWARD, `$1${policy}$3`);
}

/**
 * Whether a start of the machine with this file lets nothing through but what the file says. One that is empty, or was cut off before the
 * chain, is valid to nft and leaves everything open.
 */
export function closesForwarding(text: string): boolean {
  return /^table inet firewall \{[^]*?^\s*type filter hook forward priority [^;\n]+; policy drop;/m.test(text);
}
