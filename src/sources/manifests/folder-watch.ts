import { type FSWatcher, watch } from 'node:fs';
import type { WatchedFolder } from './folder.ts';

/**
 * Tells that something happened in one of some folders. Each is watched by itself: the recursive watch of Node 20 on Linux loses a file
 * that another took the place of, as editors, git and `kubectl` write them. Nothing breaks where a system has no watchers.
 */
export class FolderWatch {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Watches exactly these folders from now on. Whether any of them is new: what happened there before now was not told. */
  follow(folders: readonly WatchedFolder[]): boolean {
    const wanted = new Map(folders.map((folder) => [JSON.stringify(folder), folder.path]));
    for (const key of this.#watchers.keys()) if (!wanted.has(key)) this.#drop(key);
    let isNew = false;
    for (const [key, path] of wanted) if (!this.#watchers.has(key)) isNew = this.#add(key, path) || isNew;
    return isNew;
  }

  close(): void {
    for (const key of this.#watchers.keys()) this.#drop(key);
  }

  #add(key: string, path: string): boolean {
    try {
      const watcher = watch(path, { persistent: false }, this.#changed);
      watcher.on('error', () => this.#drop(key));
      this.#watchers.set(key, watcher);
      return true;
    } catch {
      return false;
    }
  }

  #drop(key: string): void {
    this.#watchers.get(key)?.close();
    this.#watchers.delete(key);
  }
}
