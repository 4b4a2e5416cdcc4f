import { rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { localFiles } from '../../base/error.ts';
import { CLOSED_TABLE } from '../../machine/table-text.ts';
import { readIfThere, replaceFile } from './rule-files.ts';

/** Where today's controller writes its rules, in the folder of the base rules. */
const NAME = 'firewall-controller.v4';

/**
 * A start of the machine loads what stands in the folder of the base rules, which forward everything as soon as there are rules of ours
 * (metal-stack reference, 1.1, 4.10). Where a Firewall has these written elsewhere, a closed table stands for them there; else none, as it would
 * be loaded beside them. `base`, `rules`: where both are. Gives the place of the closed table, if there is to be one.
 */
export async function closeStart(base: string, rules: string): Promise<string | undefined> {
  const path = join(dirname(base), NAME);
  if (path === rules || !(await isThere(dirname(base)))) return undefined;
  const isClosed = (await readIfThere(path)) === CLOSED_TABLE;
  if (dirname(rules) !== dirname(base)) {
    if (!isClosed) await replaceFile(path, CLOSED_TABLE);
    return path;
  }
  if (isClosed) await localFiles(rm(path, { force: true }));
  return undefined;
}

async function isThere(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    () => false,
  );
}
