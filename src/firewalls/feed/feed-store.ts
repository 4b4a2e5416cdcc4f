import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { compareUtf8 } from '../../base/compare.ts';
import { SallyportError, localFiles } from '../../base/error.ts';
import type { Family } from '../../border/ruleset.ts';
import { parseAddress } from '../../ip/address.ts';
import { type FeedList, listText } from './feed-list.ts';

/** Whose lists are in a folder. */
export interface FeedOwner {
  readonly cluster: string;
  readonly firewall: string;
}

/** The first line of a file. Below it stands the list as it is given out. */
const headForm = z.strictObject({
  owner: z.strictObject({ cluster: z.string(), firewall: z.string() }),
  name: z.string().min(1),
  resource: z.string(),
  use: z.enum(['Allow', 'Deny']),
  /** How many addresses follow: a file that was cut is none. */
  count: z.int().min(0),
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
      files = readdirSync(this.folder).filter((file) => file.endsWith('.list'));
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
    let head: unknown;
    let lines: readonly string[];
    try {
      const text = readFileSync(join(this.folder, file), 'utf8');
      const end = text.indexOf('\n');
      head = JSON.parse(text.slice(0, end));
      lines = text.slice(end + 1).split('\n');
    } catch (thrown) {
      return { why: `cannot be read: ${String(thrown)}`, isOthers: false };
    }
    const parsed = headForm.safeParse(head);
    const isWhole = lines.at(-1) === '' && parsed.data?.count === lines.length - 1;
    const addresses: Record<Family, string[]> = { 4: [], 6: [] };
    let isSound = parsed.success && isWhole;
    for (const line of lines.slice(0, -1)) {
      const address = parseAddress(line);
      if (address === undefined) isSound = false;
      else addresses[address.family].push(line);
    }
    if (!parsed.success || !isSound) return { why: 'is no whole list', isOthers: false };
    const { owner, name, resource, use } = parsed.data;
    if (owner.cluster !== this.#owner.cluster || owner.firewall !== this.#owner.firewall)
      return { why: `belongs to the cluster ${owner.cluster}, BorderFirewall ${owner.firewall}`, isOthers: true };
    if (fileOf(name) !== file) return { why: 'is named otherwise than its list', isOthers: false };
    return { name, resource, use, addresses };
  }

  /** Replaces one list. It is on disk when this resolves. */
  async put(list: FeedList): Promise<void> {
    const path = join(this.folder, fileOf(list.name));
    const { name, resource, use, addresses } = list;
    const head = { owner: this.#owner, name, resource, use, count: addresses[4].length + addresses[6].length };
    const text = `${JSON.stringify(head)}\n${listText(list)}`;
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
    const path = join(this.folder, fileOf(name));
    await localFiles(rm(path, { force: true }));
    // Of whoever died while it wrote.
    await localFiles(rm(`${path}.new`, { force: true }));
  }
}

/** Names may hold anything; file names may not. */
function fileOf(name: string): string {
  return `${createHash('sha256').update(name).digest('hex')}.list`;
}
