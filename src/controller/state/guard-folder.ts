import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { SallyportError, localFiles } from '../../base/error.ts';
import { type GuardMemory, type MemoryPlace, readMemory, writeMemory } from '../../firewalls/guard/guard-memory.ts';

/**
 * What a firewall's guard must not forget, in the state folder: one file, replaced whole, so that whoever reads it after whatever death
 * finds the memory before or the memory after.
 */
export class GuardFolder implements MemoryPlace {
  readonly #folder: string;
  readonly #path: string;
  readonly #of: { readonly cluster: string; readonly firewall: string };

  /** Names of firewalls are DNS labels, safe as file names. */
  constructor(stateFolderOfCluster: string, of: { readonly cluster: string; readonly firewall: string }) {
    this.#folder = join(stateFolderOfCluster, 'guard');
    this.#path = join(this.#folder, `${of.firewall}.json`);
    this.#of = of;
  }

  async load(): Promise<GuardMemory | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
      throw new SallyportError('GUARD_MEMORY', `${this.#path} cannot be read: ${String(thrown)}`, {}, thrown);
    }
    const memory = readMemory(text, this.#of);
    if (memory === undefined)
      throw new SallyportError('GUARD_MEMORY', `${this.#path} is no whole memory of this firewall`);
    return memory;
  }

  async keep(memory: GuardMemory): Promise<void> {
    await localFiles(this.#replace(writeMemory(memory, this.#of)));
  }

  async #replace(text: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = await open(`${this.#path}.new`, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${this.#path}.new`, this.#path);
  }
}
