import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/**
 * A folder for temporary files that only this user reads (mode 0700), named after its use and this process. Those of the same use whose
 * process is gone (it was killed) are removed first. The caller removes its own.
 */
export function makePrivateFolder(use: string, base: string = tmpdir()): string {
  const here = pidNamespace();
  const name = new RegExp(`^sallyport-${use}-(\\d+)-(\\d+)-[A-Za-z0-9]{6}$`);
  for (const entry of readdirSync(base)) {
    const [, namespace, pid] = name.exec(entry) ?? [];
    // Processes of another namespace are out of sight.
    if (namespace === here && !isAlive(Number(pid))) removePrivateFolder(join(base, entry));
  }
  return mkdtempSync(join(base, `sallyport-${use}-${here}-${process.pid}-`));
}

/**
 * Removes a folder and what is in it. Never fails: somebody else's is not ours to remove, and whoever was killed may write a moment
 * longer; what stays for all that, the next process removes.
 */
export function removePrivateFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  } catch {
    // It stays.
  }
}

/** In which namespace process ids are counted here; containers may share the folder for temporary files and nothing else. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0'; // no Linux: there is one
  }
}

/** Whether a process of this machine with this id lives, whoever owns it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
}
