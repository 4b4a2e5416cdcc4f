import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';

/** Somebody's yes to one plan of one firewall (design invariant 4); worth nothing once desired or actual changes, or after an hour. */
export interface Approval {
  readonly firewall: string;
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly madeAt: number;
  readonly by: string;
}

const approval = z.strictObject({ firewall: z.string(), digest: z.string(), madeAt: z.number(), by: z.string() });

/** A yes that lay longer than this was for a plan that nobody remembers. */
const LAPSE_MS = 3_600_000;
/** So far a clock may be corrected between the yes and the look. */
const SKEW_MS = 60_000;

/** Whether a yes still counts. One from the future does not: the clock was set back since, and nobody knows how old it is. */
export function isCurrent({ madeAt }: Approval, now: number): boolean {
  const age = now - madeAt;
  return age >= -SKEW_MS && age <= LAPSE_MS;
}

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
export class Approvals {
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
      const parsed = approval.safeParse(JSON.parse(await readFile(this.#file(firewall), 'utf8')));
      return parsed.success && parsed.data.firewall === firewall ? parsed.data : undefined;
    } catch {
      return undefined;
    }
  }

  async remove(firewall: string): Promise<void> {
    await rm(this.#file(firewall), { force: true });
  }

  #file(firewall: string): string {
    return join(this.#folder, `${firewall}.json`);
  }
}
