import { readlinkSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { isAlive } from './alive.ts';

const NAME = /^sallyport-lab-(\d+)-(\d+)-[A-Za-z0-9]{6}$/;

/** In which namespace process ids are counted here; containers may share the folder for temporary files and nothing else. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0'; // no Linux: there is one
  }
}

/** The lab's namespaces have a /run of their own: what lies below that of the outer system is out of their sight. */
function folderForTemporaryFiles(): string {
  return tmpdir().startsWith('/run/') ? '/tmp' : tmpdir();
}

/** A folder for one run of the lab, named after this process; removes those of runs that were killed. */
export async function makeRunFolder(): Promise<string> {
  const here = pidNamespace();
  const base = folderForTemporaryFiles();
  for (const entry of await readdir(base)) {
    const [, namespace, pid] = NAME.exec(entry) ?? [];
    // Processes of another namespace are out of sight. Somebody else's folder is not ours to remove, and the system does not let us.
    if (namespace === here && !isAlive(Number(pid)))
      await rm(join(base, entry), { recursive: true, force: true }).catch(() => undefined);
  }
  return await mkdtemp(join(base, `sallyport-lab-${here}-${process.pid}-`));
}

/** Whoever was killed may write a moment longer. What stays for all that, the next run removes. */
export async function removeRunFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }).catch(() => undefined);
}
