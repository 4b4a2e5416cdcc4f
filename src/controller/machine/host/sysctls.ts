import { readFile, writeFile } from 'node:fs/promises';
import { localFiles } from '../../../base/error.ts';

/** The table of connections of a firewall machine is as large as today's (reference, section 6). */
const CONNECTIONS = '4194304';
const FILES = ['proc/sys/net/netfilter/nf_conntrack_max', 'sys/module/nf_conntrack/parameters/hashsize'] as const;

/** Sets what differs; gives the files that were changed. `root`: `/`. Each is tried, whatever becomes of the others. */
export async function keepSysctls(root: string): Promise<readonly string[]> {
  const done = await Promise.allSettled(
    FILES.map(async (file) => {
      const path = `${root}${file}`;
      if ((await localFiles(readFile(path, 'utf8'))).trim() === CONNECTIONS) return [];
      await localFiles(writeFile(path, CONNECTIONS));
      return [path];
    }),
  );
  const failed = done.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return done.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
}
