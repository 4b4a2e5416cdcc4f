import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type Approval, type Approvals, approvalSchema } from '../approvals/approvals.ts';

/**
 * Where Sallyport keeps what must outlive a process while there is no cluster to keep it: systemd's STATE_DIRECTORY, else
 * `/var/lib/sallyport` for root, else the user's state folder. One folder inside for each cluster.
 */
export function stateFolder(
  cluster: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const given = environment['STATE_DIRECTORY']?.split(':', 1)[0];
  const own = environment['XDG_STATE_HOME'] ?? join(homedir(), '.local/state');
  const root = given ?? (process.getuid?.() === 0 ? '/var/lib/sallyport' : join(own, 'sallyport'));
  return join(root, cluster);
}

/** Approvals on disk, one file for each firewall; the newest replaces the one before. Names of firewalls are DNS labels, safe as file names. */
export class FolderApprovals implements Approvals {
  readonly #folder: string;

  constructor(stateFolderOfCluster: string) {
    this.#folder = join(stateFolderOfCluster, 'approvals');
  }

  async put(value: Approval): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = this.#file(value.firewall);
    await writeFile(`${file}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  /** The approval of a firewall; none if there is none or it cannot be read: no yes. */
  async get(firewall: string): Promise<Approval | undefined> {
    try {
      const parsed = approvalSchema.safeParse(JSON.parse(await readFile(this.#file(firewall), 'utf8')));
      return parsed.success && parsed.data.firewall === firewall ? parsed.data : undefined;
    } catch {
      return undefined;
    }
  }

  /** The file goes first: a yes that is lost is given again, one that counts twice opens what nobody looked at. */
  async take(firewall: string, waiting: object | undefined): Promise<Approval | undefined> {
    if (waiting === undefined) return undefined;
    const found = await this.get(firewall);
    if (found !== undefined) await this.remove(firewall);
    return found;
  }

  async remove(firewall: string): Promise<void> {
    await rm(this.#file(firewall), { force: true });
  }

  #file(firewall: string): string {
    return join(this.#folder, `${firewall}.json`);
  }
}
