import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { compareUtf8 } from '../../base/compare.ts';
import { SallyportError, localFiles } from '../../base/error.ts';
import { parseAddress } from '../../ip/address.ts';
import type { FeedList } from './feed-list.ts';

/** Whose lists are in a folder. */
export interface FeedOwner {
  readonly cluster: string;
  readonly firewall: string;
}

const addresses = z.array(z.string().refine((text) => parseAddress(text) !== undefined));
const fileForm = z.strictObject({
  owner: z.strictObject({ cluster: z.string(), firewall: z.string() }),
  name: z.string().min(1),
  resource: z.string(),
  use: z.enum(['Allow', 'Deny']),
  addresses: z.strictObject({ 4: addresses, 6: addresses }),
});

/** What a folder holds, as read. */
export interface StoredLists {
  readonly lists: ReadonlyMap<string, FeedList>;
  /** Files that are no list of this owner, with why. They are left alone, and nothing of them is served. */
  readonly strange: readonly { readonly file: string; readonly why: string; readonly isOthers: boolean }[];
}

/**
 * The lists of one firewall on disk, one file each, so that they are served before a new process knows its cluster. A file is replaced
 * whole: whoever reads it, after whatever death, finds the list before or the list after.
 */
export class FeedStore {
  readonly folder: string;
  readonly #owner: FeedOwner;

  constructor(folder: string, owner: FeedOwner) {
    this.folder = folder;
    this.#owner = owner;
  }

  /** Throws `LOCAL_SYSTEM` where the folder cannot be read. */
  read(): StoredLists {
    const lists = new Map<string, FeedList>();
    const strange: StoredLists['strange'][number][] = [];
    let files: readonly string[];
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      files = readdirSync(this.folder).filter((file) => file.endsWith('.json'));
    } catch (thrown) {
      throw new SallyportError('LOCAL_SYSTEM', `this machine refused a folder: ${String(thrown)}`, {}, thrown);
    }
    for (const file of files.toSorted(compareUtf8)) {
      const found = this.#readFile(file);
      if ('why' in found) strange.push({ file, ...found });
      else lists.set(found.name, found);
    }
    return { lists, strange };
  }

  #readFile(file: string): FeedList | { readonly why: string; readonly isOthers: boolean } {
    let raw: unknown;
    try {
      raw = JSON.parse(readFileSync(join(this.folder, file), 'utf8'));
    } catch (thrown) {
      return { why: `cannot be read: ${String(thrown)}`, isOthers: false };
    }
    const parsed = fileForm.safeParse(raw);
    if (!parsed.success) return { why: `is no list: ${parsed.error.issues[0]?.message ?? ''}`, isOthers: false };
    const { owner, ...list } = parsed.data;
    if (owner.cluster !== this.#owner.cluster || owner.firewall !== this.#owner.firewall)
      return { why: `belongs to the cluster ${owner.cluster}, BorderFirewall ${owner.firewall}`, isOthers: true };
    return fileOf(list.name) === file ? list : { why: `is named otherwise than its list`, isOthers: false };
  }

  /** Replaces one list. It is on disk when this resolves. */
  async put(list: FeedList): Promise<void> {
    const path = join(this.folder, fileOf(list.name));
    const { name, resource, use, addresses: members } = list;
    const text = JSON.stringify({ owner: this.#owner, name, resource, use, addresses: members });
    await localFiles(
      (async () => {
        const file = await open(`${path}.new`, 'w', 0o600);
        try {
          await file.writeFile(text);
          await file.datasync();
        } finally {
          await file.close();
        }
        await rename(`${path}.new`, path);
      })(),
    );
  }

  async remove(name: string): Promise<void> {
    await localFiles(rm(join(this.folder, fileOf(name)), { force: true }));
  }
}

/** Names may hold anything; file names may not. */
function fileOf(name: string): string {
  return `${createHash('sha256').update(name).digest('hex')}.json`;
}
