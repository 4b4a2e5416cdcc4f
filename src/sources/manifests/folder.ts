import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { MANIFEST_LIMIT } from './document.ts';

/** What a file looked like when it was read; equal signatures mean that it need not be read again. */
export interface FileState {
  readonly path: string;
  readonly signature: string;
}

/** A folder in which a change may matter; another `identity` at the same path is another folder. */
export interface WatchedFolder {
  readonly path: string;
  readonly identity: string;
}

export interface FolderState {
  /** The folders that were searched through; of a single file, the one it lies in. */
  readonly folders: readonly WatchedFolder[];
  /** Sorted by path. */
  readonly files: readonly FileState[];
  /** Not empty: the folder could not be looked at as a whole. */
  readonly problems: readonly Diagnostic[];
}

const isManifest = (name: string): boolean => /\.(ya?ml|json)$/i.test(name) && !name.startsWith('.');

/** The manifest files below a path (a folder, searched through, or one file), with their present signatures. Hidden ones are left out. */
export async function lookAtFolder(root: string): Promise<FolderState> {
  const files: FileState[] = [];
  const folders: WatchedFolder[] = [];
  const problems: Diagnostic[] = [];
  // A folder that links lead to again, from inside itself or from beside, is looked through once.
  const entered = new Set<string>();
  const enter = async (path: string, asked: boolean): Promise<void> => {
    try {
      const found = await stat(path);
      if (found.isDirectory()) {
        const identity = `${found.dev}:${found.ino}`;
        if (entered.has(identity)) return;
        entered.add(identity);
        folders.push({ path, identity });
        for (const entry of (await readdir(path)).sort())
          if (!entry.startsWith('.')) await enter(join(path, entry), false);
      } else if (asked || (found.isFile() && isManifest(path.slice(path.lastIndexOf('/') + 1)))) {
        if (asked) folders.push({ path: dirname(path), identity: '' });
        files.push({ path, signature: `${found.ino}:${found.size}:${found.mtimeMs}:${found.ctimeMs}` });
      }
    } catch (thrown) {
      // What was listed and went before it was looked at is gone. A link that leads nowhere is there all the same.
      if (asked || !(await isGone(path))) problems.push(unreadable(path, thrown));
    }
  };
  await enter(root, true);
  return { folders, files, problems };
}

async function isGone(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => false,
    (thrown: unknown) => thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT',
  );
}

/** The text of one manifest file, or why it cannot be had. */
export async function readManifestFile(
  path: string,
): Promise<{ readonly text: string } | { readonly problem: Diagnostic }> {
  try {
    const { size } = await stat(path);
    if (size > MANIFEST_LIMIT) {
      const message = `the file has ${size} bytes; at most ${MANIFEST_LIMIT} are read`;
      return { problem: { severity: 'error', code: 'MANIFEST_TOO_LARGE', message, path: '', at: { file: path } } };
    }
    return readBytes(await readFile(path), path);
  } catch (thrown) {
    return { problem: unreadable(path, thrown) };
  }
}

/** Bytes that are no text are not guessed at: a file that a crash filled with nothing, or another encoding. */
function readBytes(bytes: Uint8Array, path: string): { readonly text: string } | { readonly problem: Diagnostic } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\u0000')) return { text };
  } catch {
    // told below
  }
  const message = 'it is no UTF-8 text; save it as UTF-8';
  return { problem: { severity: 'error', code: 'MANIFEST_UNREADABLE', message, path: '', at: { file: path } } };
}

function unreadable(path: string, thrown: unknown): Diagnostic {
  const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
  const message = reason === 'ENOENT' ? 'there is no such file or folder' : `it cannot be opened (${reason})`;
  return { severity: 'error', code: 'MANIFEST_UNREADABLE', message, path: '', at: { file: path } };
}
