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
  /** Another one after something came into it, went, or got another name; of the folder that a single file lies in that is not told. */
  readonly signature: string;
}

export interface FolderState {
  /** The folders that were searched through; of a single file, the one it lies in. */
  readonly folders: readonly WatchedFolder[];
  /** Sorted by path. */
  readonly files: readonly FileState[];
  /** Not empty: the folder could not be looked at as a whole. */
  readonly problems: readonly Diagnostic[];
}

/** A reading under which files change is made again, so often at most. */
export const READ_AGAIN = 5;

export const UNSTEADY = 'the files of the manifests change faster than they can be read';

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
        folders.push({ path, identity, signature: `${found.mtimeMs}:${found.ctimeMs}` });
        for (const entry of (await readdir(path)).sort())
          if (!entry.startsWith('.')) await enter(join(path, entry), false);
      } else if (asked || (found.isFile() && isManifest(path.slice(path.lastIndexOf('/') + 1)))) {
        if (asked) folders.push({ path: dirname(path), identity: '', signature: '' });
        // What is no file, a pipe say, is read once, and changes by being read.
        const changed = found.isFile() ? `:${found.size}:${found.mtimeMs}:${found.ctimeMs}` : '';
        files.push({ path, signature: `${found.ino}${changed}` });
      }
    } catch (thrown) {
      // What was listed and went before it was looked at is gone. A link that leads nowhere is there all the same.
      if (asked || !(await isGone(path))) problems.push(unreadable(path, thrown));
    }
  };
  await enter(root, true);
  return { folders, files, problems };
}

/** Whether these are still the files there are, as they were, and nothing came and went meanwhile: what goes over to another folder may be in no listing. */
export async function isAsItWas(root: string, { folders, files }: FolderState): Promise<boolean> {
  const after = await lookAtFolder(root);
  return JSON.stringify([after.folders, after.files]) === JSON.stringify([folders, files]);
}

/**
 * Reads files that stood there together: of files that change meanwhile nobody knows that, and an object that goes over to another one may be in neither. `read` is called anew
 * then, and where they never rest that is one of the problems.
 */
export async function readTogether<T>(
  root: string,
  read: (folder: FolderState) => Promise<T>,
): Promise<{ readonly value: T; readonly problems: readonly Diagnostic[] }> {
  for (let again = 0; ; again++) {
    const folder = await lookAtFolder(root);
    const value = await read(folder);
    if (await isAsItWas(root, folder)) return { value, problems: folder.problems };
    if (again < READ_AGAIN) continue;
    const at = { file: root };
    const unsteady = { severity: 'error', code: 'MANIFEST_UNREADABLE', message: UNSTEADY, path: '', at } as const;
    return { value, problems: [...folder.problems, unsteady] };
  }
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
