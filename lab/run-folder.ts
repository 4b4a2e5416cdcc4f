import { tmpdir } from 'node:os';
import { makePrivateFolder } from '../src/controller/state/private-folder.ts';

/** A folder for one run of the lab; the next run removes those of runs that were killed. */
export function makeRunFolder(): string {
  // The lab's namespaces have a /run of their own: what lies below that of the outer system is out of their sight.
  return makePrivateFolder('lab', tmpdir().startsWith('/run/') ? '/tmp' : tmpdir());
}
