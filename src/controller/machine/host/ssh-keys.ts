import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { localFiles } from '../../../base/error.ts';
import { readIfThere, replaceFile } from '../rule-files.ts';

/**
 * Lets those people in who are named, and nobody else, as today (reference 1.1). No keys are no wish: nobody could come in any more. The file
 * belongs to whom its folder belongs to, or the SSH server could not read it. `true`: it was changed.
 */
export async function keepSshKeys(path: string, keys: readonly string[]): Promise<boolean> {
  const text = keys.join('\n');
  if (keys.length === 0 || (await readIfThere(path)) === text) return false;
  await replaceFile(path, text, 0o600, await localFiles(stat(dirname(path))));
  return true;
}
