import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BorderFirewall } from '../../api/resource.ts';
import { SallyportError, localFiles } from '../../base/error.ts';
import type { RecordPlace } from '../../firewalls/worker/confirmed-keeper.ts';
import { MOST_TEXT, type RecordOf } from '../../firewalls/confirmed/confirmed-record.ts';
import type { WriterEpoch } from '../../firewalls/writer-lock.ts';

/** Characters of one firewall's record. Copies in a cluster share a small volume among all firewalls, and one that were overrun would cost the pod. */
const ROOM = { alone: 16_777_216, copy: 524_288 } as const;

/** Which device a BorderFirewall means, as a digest: another object of its name is another firewall. */
export function recordedDevice({ uid, driver, address, options }: BorderFirewall): string {
  return createHash('sha256')
    .update(JSON.stringify([uid ?? '', driver, address, options]))
    .digest('hex');
}

/** Whether there is a record of a firewall: something of ours stands there. */
export function isRecorded(stateFolderOfCluster: string, firewall: string): boolean {
  return existsSync(recordPath(stateFolderOfCluster, firewall));
}

/** Names of firewalls are DNS labels, safe as file names. */
function recordPath(stateFolderOfCluster: string, firewall: string): string {
  return join(stateFolderOfCluster, 'confirmed', `${firewall}.jsonl`);
}

/**
 * What was confirmed of a firewall, in the state folder: one file, replaced whole by each process first, then appended to. Who has it open goes on
 * writing to what it opened, so that a copy that slept does not write into the file of its successor.
 */
export class ConfirmedFolder implements RecordPlace {
  readonly of: RecordOf;
  readonly room: number;
  readonly #folder: string;
  readonly #path: string;
  readonly #epoch: WriterEpoch | undefined;
  #file: FileHandle | undefined;

  /** `epoch`: absent where a lock file says who writes. */
  constructor(stateFolderOfCluster: string, of: RecordOf, epoch: WriterEpoch | undefined) {
    this.#path = recordPath(stateFolderOfCluster, of.firewall);
    this.#folder = dirname(this.#path);
    this.of = of;
    this.room = epoch === undefined ? ROOM.alone : ROOM.copy;
    this.#epoch = epoch;
  }

  writer(): ReturnType<RecordPlace['writer']> {
    return this.#epoch?.now();
  }

  async load(): Promise<string | undefined> {
    try {
      const { size } = await stat(this.#path);
      if (size > MOST_TEXT) throw new SallyportError('LOCAL_SYSTEM', `${this.#path} is longer than any record`);
      return await readFile(this.#path, 'utf8');
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
      throw thrown;
    }
  }

  async replace(chunks: readonly string[]): Promise<void> {
    await localFiles(this.#replace(chunks));
  }

  async append(text: string): Promise<void> {
    const file = this.#file;
    if (file === undefined) throw new SallyportError('INTERNAL', 'a record was appended to before it was written');
    await localFiles(file.appendFile(text).then(() => file.datasync()));
  }

  async remove(): Promise<void> {
    await this.close();
    for (const path of [this.#path, `${this.#path}.new`]) await rm(path, { force: true });
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #replace(chunks: readonly string[]): Promise<void> {
    await this.close();
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    this.#file = await open(`${this.#path}.new`, 'w', 0o600);
    for (const chunk of chunks) await this.#file.appendFile(chunk);
    await this.#file.datasync();
    await rename(`${this.#path}.new`, this.#path);
  }
}
