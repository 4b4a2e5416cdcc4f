import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { isAlive } from './alive.ts';

const NAME = /^sallyport-lab-(\d+)-[A-Za-z0-9]{6}$/;

/** A folder for one run of the lab, named after this process; removes those of runs that were killed. */
export async function makeRunFolder(): Promise<string> {
  for (const entry of await readdir(tmpdir())) {
    const pid = NAME.exec(entry)?.[1];
    // Somebody else's folder is not ours to remove, and the system does not let us.
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(join(tmpdir(), entry), { recursive: true, force: true }).catch(() => undefined);
  }
  return await mkdtemp(join(tmpdir(), `sallyport-lab-${process.pid}-`));
}

export async function removeRunFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
